#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# need.sh PURPOSE PACKAGE... - installs Debian packages that are missing when this is root, else says what to install.
set -euo pipefail
purpose=$1
shift
missing=()
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: $purpose needs what is not here: run 'apt-get install ${missing[*]}' as root" >&2
    exit 1
fi
echo "setup: installing ${missing[*]} ($purpose)"
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
