"""Looking after what is built: what a build would compute, whether all is whole, what is in excess.

`ledger` keeps what the last build was made from and how long it took, `forecast` compares that with
the configuration, `verifying` reads everything, `cleaning` removes what nobody needs any more.
`statement` says what an atlas was made from, `restoring` goes back from there.
"""

from pipeline.upkeep.cleaning import remove_excess, remove_leftovers
from pipeline.upkeep.forecast import forecast
from pipeline.upkeep.ledger import failed_before, keep_account, nothing_to_do
from pipeline.upkeep.restoring import is_statement, restore
from pipeline.upkeep.statement import keep_statement, local_paths, read_statement, statement
from pipeline.upkeep.verifying import remove_damaged, verify

__all__ = [
    "failed_before",
    "forecast",
    "is_statement",
    "keep_account",
    "keep_statement",
    "local_paths",
    "nothing_to_do",
    "read_statement",
    "remove_damaged",
    "remove_excess",
    "remove_leftovers",
    "restore",
    "statement",
    "verify",
]
