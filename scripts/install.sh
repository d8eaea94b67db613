#!/bin/sh
# Installs the Debian packages named as arguments that are not there yet.
#
#   sh scripts/install.sh redis-server memcached
#
# Says nothing and needs no rights when all are there: a package counts as there when dpkg knows it
# or when its program, which has the same name, can be found, so a hand-built one will do. Uses sudo
# where not root. Debian's server packages start their service as they are installed, on the ports
# people use for real; while this runs, a policy-rc.d of its own says no to that, unless the machine
# has one, whose word then holds. What the packages do at the next boot is left to them.
set -eu

say() { printf 'install: %s\n' "$*" >&2; }
give_up() { say "$*"; exit 1; }

# The folders where servers live, which a user's PATH may lack.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

present() {
    command -v "$1" >/dev/null 2>&1 && return 0
    command -v dpkg-query >/dev/null 2>&1 || return 1
    case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) in
        *' ok installed') return 0 ;;
    esac
    return 1
}

missing=
for package in "$@"; do
    present "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 ||
    give_up "missing:$missing. There is no apt-get here: please install by the system's own means."

sudo=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
        give_up "missing:$missing. Without root or sudo, please have an administrator run: apt-get install$missing"
    sudo=sudo
fi

# The policy is removed when this script ends, however it ends; one that was there stays.
policy=/usr/sbin/policy-rc.d
policy_is_ours=
clean_up() {
    [ -z "$policy_is_ours" ] || $sudo rm -f "$policy"
    policy_is_ours=
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ ! -e "$policy" ]; then
    policy_is_ours=yes
    # 101: "action forbidden by policy", see invoke-rc.d(8).
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
fi

# Output is shown only when something fails. $missing is a list: its words are meant to split.
quietly() {
    output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2; return 1; }
}
# shellcheck disable=SC2086
install() {
    quietly $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
}

say "installing$missing"
# The lists may be absent (a fresh container) or old (files gone from the mirror); both are cured by
# an update, which takes a while, so it comes second where the first attempt can do.
if [ -z "$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | head -n 1)" ] || ! install 2>/dev/null; then
    say "updating the package lists"
    quietly $sudo apt-get update || give_up "apt-get update failed"
    install || give_up "apt-get could not install:$missing"
fi

for package in $missing; do
    present "$package" || give_up "apt-get installed '$package', and yet it is not there"
done
