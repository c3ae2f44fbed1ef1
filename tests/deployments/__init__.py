"""The files and programs a team deploys with: the command line, Prefect, the sandbox gateway."""
