"""People's own keys: whether one can be used, and the list of them on a machine.

Our lines in `authorized_keys` end with a mark, so only they are ever replaced. The file is written
beside itself and renamed: whoever logs in at that moment reads the old list or the new one whole.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import asyncssh

from bot.domain.ssh_keys import MARK
from bot.errors import DamagedKey
from bot.ports.machines import Shell

TIMEOUT_S = 20.0

# A list that is a link is followed, as sshd does. A last line without an end gets one.
_SCRIPT = """
umask 077
folder="$HOME/.ssh"
list="$folder/authorized_keys"
mkdir -p "$folder"
[ -e "$list" ] || : > "$list"
target=$(readlink -f "$list")
fresh="$target.bellhop.$$"
trap 'rm -f "$fresh"' EXIT
{{ grep -v -- '{mark}[0-9a-f]*$' "$target" || [ $? -eq 1 ]; }} > "$fresh" || exit 1
cat >> "$fresh" <<'END_OF_KEYS'
{lines}END_OF_KEYS
cmp -s "$fresh" "$target" && exit 0
chmod --reference="$target" "$fresh" 2>/dev/null || chmod 600 "$fresh"
chown --reference="$target" "$fresh" 2>/dev/null
mv -f "$fresh" "$target"
"""


class MachineKeyLists:
    """ports.KeyLists."""

    async def put(self, shell: Shell, lines: Sequence[str]) -> None:
        for line in lines:
            if not line.isprintable() or line != shlex.join(line.split(" ")):
                raise ValueError("a key's line holds only plain words")
        text = _SCRIPT.format(mark=MARK, lines="".join(f"{line}\n" for line in lines))
        await shell.run(text, timeout_s=TIMEOUT_S)


def check_public_key(line: str) -> None:
    """Raise BadInput unless the SSH library reads it as a key that can log somebody in."""
    try:
        asyncssh.import_public_key(line)
    except (asyncssh.KeyImportError, ValueError) as error:
        raise DamagedKey("the library does not read that key") from error
