"""Where and when: the command line, the Prefect deployments, the container image, the sandbox gateway."""
