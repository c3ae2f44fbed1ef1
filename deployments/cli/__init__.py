"""The command line: one file per verb, thin. Slow libraries are imported by the verbs that need them."""
