"""`python3 -m worker`: on a fresh machine it sets itself up first. This file must be readable to any Python 3."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older Python shall read a sentence, not a SyntaxError
    sys.exit(
        "zenbeat: this is Python %d.%d, and zenbeat needs 3.11 or newer. "  # noqa: UP031 - the oldest way to format
        "If you have a newer one, name it: python3.11 -m worker ..." % sys.version_info[:2]
    )

from worker.bootstrap import main

if __name__ == "__main__":
    main()
