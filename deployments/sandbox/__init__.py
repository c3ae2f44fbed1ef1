"""The sandbox: a local OpenAI-compatible gateway, the users' rehearsal stage and the tests' fake.

It charges, draws, reads, limits and fails like the gateways of the outside world, over real HTTP on 127.0.0.1 and in
a process of its own. It knows ``catalogs`` (models and prices) and nothing of tasks or flows: what it says must not
be what the client's own code believes.
"""
