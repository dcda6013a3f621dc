"""One form for the many spellings of an address."""

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.kernels import buffers, byte_sets, url
from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.byte_sets import Table

# Parameters that say where a visitor came from, not what the page is. A name that ends in an underscore stands for
# all names that begin so.
TRACKING = (
    *("utm_", "pk_", "mtm_", "hsa_", "fb_action_", "piwik_", "matomo_"),
    *("fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "ysclid", "twclid", "ttclid"),
    *("li_fat_id", "igshid", "igsh", "mc_cid", "mc_eid", "_ga", "_gl", "_openstat", "epik", "srsltid", "rb_clickid"),
    *("_hsenc", "_hsmi", "__hssc", "__hstc", "__hsfp", "hsctatracking", "mkt_tok", "oly_anon_id", "oly_enc_id"),
    *("vero_id", "vero_conv", "wickedid", "s_cid", "cmpid", "guccounter", "guce_referrer", "guce_referrer_sig"),
    *("fb_source", "fb_ref", "ref_src", "ref_url", "phpsessid", "jsessionid"),
)


def canonical(urls: pa.Array) -> pa.StringArray:
    """Each URL without what does not change the page; two spellings of one address become equal.

    Removed: scheme, user, `www.`, closing dots of the host, ports 80 and 443, slashes that end the path, empty and
    tracking parameters (`TRACKING`), fragment, blanks at both ends. The host becomes lower case (ASCII). Path and
    query keep their case, order and percent signs. The result has no scheme: `example.com/a?b=1`.

    Args:
        urls: string array, shape (N,); null stays null.

    Returns:
        shape (N,). `canonical(canonical(x)) == canonical(x)`.
    """
    known = urls.is_valid()
    found = buffers.strings(*canonical_bytes(*buffers.text(urls.fill_null(""))))
    if urls.null_count == 0:
        return found
    return pc.if_else(known, found, None)


def canonical_bytes(offsets: Int64s, data: Bytes) -> buffers.Text:
    """The same over bytes: offsets int64 (N+1,), data uint8 (B,)."""
    return buffers.Text(*url.canonical(offsets, data, _tracking()))


def hash_set(hashes: Table) -> Table:
    """A set of hashes, with room so that at most three quarters of its slots are used."""
    slots = 1 << max(4, (len(hashes) * 4 // 3).bit_length())
    table = np.zeros(slots, np.uint64)
    byte_sets.fill(table, hashes)
    return table


@lru_cache(maxsize=1)
def _tracking() -> Table:
    return hash_set(byte_sets.hash_forwards(*buffers.text(pa.array(TRACKING))))
