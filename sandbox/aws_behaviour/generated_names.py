"""Names that CloudFormation makes up, different in each Region.

MiniStack derives them from the stack's name and the logical id. The same stack in a second Region
would then have the same role, since IAM has no Regions, and overwrite its policy.
"""

from __future__ import annotations

from collections.abc import Callable

from ministack.core.responses import get_region
from ministack.services.cloudformation import provisioners

_physical_name: Callable[..., str] = provisioners._physical_name


def physical_name(
    stack_name: str,
    logical_id: str,
    *,
    lowercase: bool = False,
    max_len: int = 128,
    seeded: bool = True,
) -> str:
    """Replaces MiniStack's: the Region goes into what the suffix is made from."""
    seed = provisioners._NAME_SEED
    token = seed.set(f"{get_region()}:{seed.get()}")
    try:
        return _physical_name(
            stack_name, logical_id, lowercase=lowercase, max_len=max_len, seeded=seeded
        )
    finally:
        seed.reset(token)
