"""`python -m autograd` is the doctor."""

import sys

from autograd.doctor import main

if __name__ == "__main__":
    sys.exit(main())
