"""``python -m deployments.sandbox``."""

import sys

from deployments.sandbox.main import main

if __name__ == "__main__":  # the drawing processes import this file again
    sys.exit(main())
