"""pint without NumPy and SciPy, which it loads wherever they are installed: web servers have no use for them.

Units are converted exactly, in decimals and fractions.
"""

import sys
from typing import Any, cast

_modules = cast(dict[str, Any], sys.modules)
_hidden = [name for name in ("numpy", "scipy") if name not in _modules]
_modules.update(dict.fromkeys(_hidden))
try:
    import pint as pint
finally:
    for _name in _hidden:
        del _modules[_name]
