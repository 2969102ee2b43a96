#!/bin/sh
# Fetches drivers for Windows that anyone can fetch (Debian and PyPI; unpacked into target/, never kept) and prints the
# folder: each driver once, as NAME-CHECKSUM.sys. Needs apt-get, python3 with pip, 7z.
set -eu
cd "$(dirname "$0")/../../.."
folder=$PWD/target/public-drivers
if [ ! -d "$folder/files" ]; then
    own=$folder/fetch-$$
    mkdir -p "$own/apt/lists/partial" "$own/apt/cache/archives/partial" "$own/apt/state" "$own/files"
    trap 'rm -rf "$own"' EXIT
    cd "$own"
    fetch() { python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$own" "$@" >&2; }
    fetch 'vgamepad==0.2.0' 'winbox-sandbox==1.0.4' 'wch341==0.1.8' 'pydivert==2.1.0'
    fetch --platform win_amd64 --only-binary=:all: 'pydivert==4.0.1'
    # Where this system has Debian from; the guest additions are among what is not free, the newest for three processors.
    site=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
        grep '^Debian ' | grep -v security | grep -m1 :// | cut -d' ' -f2)
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    for suite in sid testing; do echo "deb [signed-by=$keys] $site $suite non-free contrib"; done >apt/sources.list
    : >apt/state/status
    apt() {
        apt-get -qq -o Dir::Etc::sourcelist="$own/apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State="$own/apt/state" \
            -o Dir::State::status="$own/apt/state/status" -o Dir::State::lists="$own/apt/lists" -o Dir::Cache="$own/apt/cache" \
            -o APT::Sandbox::User= -o Acquire::Languages=none "$@" >&2
    }
    apt update
    apt download virtualbox-guest-additions-iso
    dpkg-deb -x virtualbox-*.deb deb
    unpack() { 7z x -y -bd -o"$2" "$1" >/dev/null; }
    unpack "$(find deb -iname '*.iso')" iso
    for file in iso/VBoxWindowsAdditions-*.exe; do unpack "$file" "$file.d"; done
    tar -xf vgamepad-*.tar.gz
    find vgamepad-* -name '*.msi' | while read -r file; do unpack "$file" "$file.d"; done
    for file in *.whl; do python3 -m zipfile -e "$file" "$file.d"; done
    find . -path ./files -prune -o -type f -iname '*.sys*' -print | while read -r file; do
        name=$(basename "$file") sum=$(sha256sum "$file" | cut -c1-6)
        cp "$file" "files/${name%%.*}-$sum.sys"
    done
    # Another process may have been quicker.
    mv -T files "$folder/files" 2>/dev/null || [ -d "$folder/files" ]
fi
echo "$folder/files"
