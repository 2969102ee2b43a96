# What systemd does for the installed unit, with mount and setpriv, and then its command line for a while. POOLMON: the program; FOLDER: of the
# recording; inside its own mount and network namespace, so that nothing of it is left.
set -eu
mount --make-rprivate /
for place in /var/lib /home /var/tmp; do mount -t tmpfs -o mode=755 poolmon-test $place; done
chmod 1777 /var/tmp
mkdir /var/lib/units /home/me
"$POOLMON" service install "$FOLDER" --interval 100ms >/dev/null
unit=/var/lib/units/poolmon.service
set_to() { grep -qx "$1" $unit; }
writable=$(sed -n 's/^ReadWritePaths=//p' $unit)
# In the order in which systemd does it: what is hidden, what is read-only, and what can be written after all.
if set_to ProtectHome=yes; then for place in /home /root /run/user; do [ ! -d $place ] || mount -t tmpfs -o mode=000,ro poolmon-test $place; done; fi
if set_to PrivateTmp=yes; then for place in /tmp /var/tmp; do mount -t tmpfs -o mode=1777 poolmon-test $place; done; fi
set_to PrivateDevices=yes
mkdir /var/lib/dev
for name in null zero full random urandom; do touch /var/lib/dev/$name; mount --bind /dev/$name /var/lib/dev/$name; done
mount --rbind /var/lib/dev /dev
set_to ProtectSystem=strict
mount --bind "$writable" "$writable"
awk '{ print $5 }' /proc/self/mountinfo | while read -r place; do
    case $place in "$writable" | /dev/*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done
! touch /usr/probe 2>/dev/null
! touch /var/lib/probe 2>/dev/null
set_to CapabilityBoundingSet=
set_to NoNewPrivileges=yes
eval "set -- $(sed -n 's/^ExecStart=//p' $unit)"
timeout --preserve-status --signal=INT 3 setpriv --bounding-set=-all --inh-caps=-all --no-new-privs --clear-groups "$@"
"$1" info "$FOLDER" --format json
