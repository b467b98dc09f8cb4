"""Whose address a call comes from, where addresses are counted."""

from ipaddress import IPv6Address, IPv6Network, ip_address

LONGEST = 64
PREFIX = 64
"""Bits of an IPv6 address that are one customer's: the rest is at its own choice."""


def neighbourhood(address: str) -> str:
    """Give what stands for an address in counts: an IPv4 address itself, of an IPv6 address its /64.

    What is no address, such as that of a Unix socket, stands for itself, shortened.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address[:LONGEST] or "nowhere"
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), PREFIX), strict=False))
