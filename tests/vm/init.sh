#!/bin/sh
# The first program of the guest of `cargo xtask vm`: sets up a small system, runs the tests, prints how they ended.
# Replaced on the way in: @MODULES@ (kernel modules, in order), @TESTS@ (test binaries), @WORDS@ (which tests).
export PATH=/bin HOME=/ TMPDIR=/disk/tmp
busybox mkdir -p /proc /sys /dev /disk
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mkdir -p /dev/shm /dev/pts
busybox mount -t tmpfs shm /dev/shm
busybox mount -t devpts pts /dev/pts
busybox mount -t cgroup2 cgroup /sys/fs/cgroup
busybox mount -t tracefs trace /sys/kernel/tracing
busybox ip link set lo up
for module in @MODULES@; do
    options=
    [ "$module" != brd.ko ] || options="rd_nr=1 rd_size=393216"
    busybox insmod "/modules/$module" $options || echo "insmod $module failed"
done
busybox mke2fs -F /dev/ram0 >/dev/null && busybox mount -t ext4 /dev/ram0 /disk && busybox mkdir -p /disk/tmp
ulimit -n 65536
export POOLMON_REQUIRE=vm,root POOLMON_MODULE=/modules/poolmon_leak.ko POOLMON_COMPILER=/bin/cc1
echo "@BEGIN@: $(busybox uname -r), $(busybox cat /proc/uptime)"
code=0
for test in @TESTS@; do
    "$test" --test-threads=1 @WORDS@ || code=$?
done
echo "guest time: $(busybox cat /proc/uptime)"
echo "@END@$code"
busybox poweroff -f
