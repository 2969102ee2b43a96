//! Linux slab caches.

use super::BuiltinEntry;

const fn known(
    tag: &'static str,
    component: &'static str,
    about: &'static str,
    hint: &'static str,
) -> BuiltinEntry {
    BuiltinEntry { tag, component, about, hint }
}

const SHRINKS: &str =
    "shrinks under pressure: large and steady is no leak; try `echo 2 > /proc/sys/vm/drop_caches` as a test";
const SHARED: &str = "shared by all callers of kmalloc of this size: allocation profiling (/proc/allocinfo) or \
    slab tracing separates them";
const PROCESSES: &str = "follows processes and threads; compare with their number";
const SOCKETS: &str = "follows open sockets: look with `ss -s`";
const FILES: &str = "follows open files: look for a process with many descriptors";
const NETWORK: &str = "follows network traffic; unread packets stay here";
const MAPPINGS: &str = "follows how many regions processes map";
const BLOCK: &str = "freed in step with I/O: growth means requests that do not finish";

/// The table; an exact row wins over a wildcard, an earlier wildcard over a later one.
#[rustfmt::skip]
pub static CACHES: &[BuiltinEntry] = &[
    known("dentry", "vfs", "names of files and directories", SHRINKS),
    known("inode_cache", "vfs", "inodes of file systems without their own cache", SHRINKS),
    known("ext4_inode_cache", "ext4", "inodes of ext4", SHRINKS),
    known("ext4_extent_status", "ext4", "extents of open files", SHRINKS),
    known("ext4_*", "ext4", "ext4", ""),
    known("jbd2_journal_head", "jbd2", "buffers in the journal", ""),
    known("jbd2_*", "jbd2", "journal of ext4", ""),
    known("xfs_inode", "xfs", "inodes of XFS", SHRINKS),
    known("xfs_ili", "xfs", "logged changes of inodes", ""),
    known("xfs_buf", "xfs", "buffers of metadata", SHRINKS),
    known("xfs_*", "xfs", "XFS", ""),
    known("btrfs_inode", "btrfs", "inodes of Btrfs", SHRINKS),
    known("btrfs_extent_map", "btrfs", "maps of file extents", SHRINKS),
    known("btrfs_*", "btrfs", "Btrfs", ""),
    known("nfs_inode_cache", "nfs", "inodes of NFS mounts", SHRINKS),
    known("fuse_inode", "fuse", "inodes of FUSE mounts", SHRINKS),
    known("ovl_inode", "overlayfs", "inodes of overlay mounts (containers)", SHRINKS),
    known("proc_inode_cache", "proc", "inodes of /proc", "many monitoring agents read /proc; shrinks under pressure"),
    known("shmem_inode_cache", "shmem", "inodes of tmpfs and shared memory", "one for each file in tmpfs: not freed before the file is deleted"),
    known("sock_inode_cache", "net", "inodes of sockets", SOCKETS),
    known("kernfs_node_cache", "kernfs", "entries of sysfs and cgroups", "stopped containers leave dead cgroups behind"),
    known("*_inode_cache", "file system", "inodes of a file system", SHRINKS),
    known("radix_tree_node", "lib", "index of the page cache", "follows the page cache"),
    known("xarray_node", "lib", "index of the page cache", "follows the page cache"),
    known("buffer_head", "fs", "buffers of disk blocks", SHRINKS),
    known("filp", "vfs", "open files", FILES),
    known("files_cache", "vfs", "descriptor tables of processes", PROCESSES),
    known("fs_cache", "vfs", "current folders of processes", PROCESSES),
    known("names_cache", "vfs", "path names while a call runs", "should be near zero between calls"),
    known("file_lock_cache", "vfs", "file locks", "a program that locks without unlocking"),
    known("eventpoll_epi", "epoll", "descriptors watched by epoll", FILES),
    known("eventpoll_pwq", "epoll", "wait queue entries of epoll", FILES),
    known("inotify_inode_mark", "inotify", "watches of inotify", "a program that watches whole trees"),
    known("fsnotify_mark*", "fsnotify", "watches of files", "a program that watches whole trees"),
    known("mnt_cache", "vfs", "mounts", "containers that leave mounts behind"),
    known("task_struct", "process", "threads", PROCESSES),
    known("signal_cache", "process", "signal state of processes", PROCESSES),
    known("sighand_cache", "process", "signal handlers of processes", PROCESSES),
    known("mm_struct", "memory", "address spaces", PROCESSES),
    known("thread_stack*", "process", "kernel stacks", PROCESSES),
    known("pid", "process", "process ids", "a growing count without processes: references held by a module or open /proc files"),
    known("pid_namespace", "process", "namespaces of process ids", "containers that are not torn down"),
    known("cred_jar", "security", "credentials", "held by processes, open files and keys: a lost reference grows without end"),
    known("key_jar", "security", "keys of the kernel's key rings", ""),
    known("lsm_*", "security", "data of security modules", ""),
    known("vm_area_struct", "memory", "mapped regions of processes", MAPPINGS),
    known("anon_vma", "memory", "links from pages to processes", MAPPINGS),
    known("anon_vma_chain", "memory", "links from pages to processes", MAPPINGS),
    known("vmap_area", "memory", "areas of vmalloc", "look at /proc/vmallocinfo for the caller"),
    known("maple_node", "memory", "trees of mapped regions", MAPPINGS),
    known("pgd", "memory", "top page tables", PROCESSES),
    known("skbuff_head_cache", "net", "packets", NETWORK),
    known("skbuff_fclone_cache", "net", "packets of TCP", NETWORK),
    known("skbuff_small_head", "net", "small packet heads", NETWORK),
    known("TCP", "net", "TCP sockets over IPv4", SOCKETS),
    known("TCPv6", "net", "TCP sockets over IPv6", SOCKETS),
    known("UDP", "net", "UDP sockets over IPv4", SOCKETS),
    known("UDPv6", "net", "UDP sockets over IPv6", SOCKETS),
    known("UNIX", "net", "local sockets", SOCKETS),
    known("RAW", "net", "raw sockets", SOCKETS),
    known("tw_sock_TCP*", "net", "TCP connections in their waiting time", "many short connections"),
    known("request_sock_TCP*", "net", "TCP connections being opened", ""),
    known("nf_conntrack*", "netfilter", "tracked connections", "bounded by nf_conntrack_max; follows traffic"),
    known("ip_dst_cache", "net", "routes in use", "a lost reference to a route grows without end"),
    known("net_namespace", "net", "network namespaces", "containers that are not torn down"),
    known("bio-*", "block", "requests to disks", BLOCK),
    known("biovec-*", "block", "page lists of disk requests", BLOCK),
    known("blkdev_ioc", "block", "I/O contexts of processes", PROCESSES),
    known("request_queue", "block", "queues of disks", ""),
    known("bdev_cache", "block", "block devices", ""),
    known("scsi_sense_cache", "scsi", "error data of SCSI requests", BLOCK),
    known("io_kiocb", "io_uring", "requests of io_uring", BLOCK),
    known("kioctx", "aio", "contexts of asynchronous I/O", ""),
    known("kiocb", "aio", "asynchronous requests", BLOCK),
    known("kmalloc-rcl-*", "kmalloc", "general blocks that can be reclaimed", SHARED),
    known("kmalloc-cg-*", "kmalloc", "general blocks charged to a control group", SHARED),
    known("kmalloc-rnd-*", "kmalloc", "general blocks, spread at random over copies of the cache", SHARED),
    known("dma-kmalloc-*", "kmalloc", "general blocks for old DMA", SHARED),
    known("kmalloc-*", "kmalloc", "general blocks", SHARED),
    known("mem_cgroup*", "cgroup", "memory control groups", "stopped containers leave dead cgroups behind"),
    known("percpu_*", "memory", "per-CPU data", ""),
    known("kmem_cache", "slab", "the caches themselves", ""),
    known("kmem_cache_node", "slab", "the caches themselves", ""),
    known("task_group", "scheduler", "scheduling groups", "containers that start and stop"),
    known("uts_namespace", "process", "host name namespaces", "containers that are not torn down"),
    known("user_namespace", "process", "user namespaces", "containers that are not torn down"),
    known("mqueue_inode_cache", "ipc", "message queues", ""),
    known("seq_file", "vfs", "open files of /proc and the like", FILES),
    known("pde_opener", "proc", "open files of /proc", FILES),
    known("proc_dir_entry", "proc", "entries of /proc", ""),
    known("posix_timers_cache", "process", "timers of processes", "a program that makes timers without deleting them"),
    known("taskstats", "process", "accounting messages", ""),
    known("bpf_*", "bpf", "BPF programs and maps", "look with `bpftool map`"),
    known("zswap_entry", "memory", "compressed swap", ""),
    known("zspage", "memory", "pages of compressed memory", ""),
    known("zs_handle*", "memory", "compressed memory", ""),
];
