/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens the root of a mounted file system and asks it what it is.
 */
#include "kernel/filesystem-probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "kernel/btrfs-abi.h"
#include "kernel/mount-abi.h"
#include "kernel/mount-table.h"
#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* The root directory as process 1 sees it: mounts made over a path in another namespace do not mislead us. */
#define FIRST_ROOT_PATH "/proc/1/root"

/* How xfs_property of xfsprogs stores "autofsck". */
#define AUTOFSCK_ATTRIBUTE "trusted.xfs:autofsck"
/* Longer than any of its words. */
#define AUTOFSCK_VALUE_SIZE 32

#define ROOT_OPEN_FLAGS (O_RDONLY|O_DIRECTORY|O_NONBLOCK|O_CLOEXEC)

/* Below @first_root_fd if that is open, else by our own root. Returns a descriptor or a negative errno. */
static int open_directory(int first_root_fd, const char *path, int extra_flags) {
        struct open_how how = {
                .flags = (uint64_t) (ROOT_OPEN_FLAGS | extra_flags),
                .resolve = RESOLVE_IN_ROOT,
        };
        int fd;

        if (first_root_fd < 0)
                fd = open(path, ROOT_OPEN_FLAGS | extra_flags);
        else
                fd = (int) syscall(SYS_openat2, first_root_fd, path, &how, sizeof(how));

        return fd < 0 ? -errno : fd;
}

/* The mount that @fd was opened through. Returns 0 or a negative errno. */
static int mount_of(int fd, MountInfo *ret_info) {
        struct statx status;

        if (statx(fd, "", AT_EMPTY_PATH, ABI_STATX_MNT_ID_UNIQUE, &status) < 0)
                return -errno;
        if (!(status.stx_mask & ABI_STATX_MNT_ID_UNIQUE))
                return -ENOSYS;

        return mount_info_get(status.stx_mnt_id, ret_info);
}

static bool is_on_device(int fd, dev_t device_number) {
        _cleanup_(mount_info_clear) MountInfo info = {};
        struct stat status;

        if (fstat(fd, &status) < 0)
                return false;
        if (status.st_dev == device_number)
                return true;

        /* Subvolumes of btrfs have device numbers of their own; the superblock's is known to the mount alone. */
        return mount_of(fd, &info) >= 0 && info.device_number == device_number;
}

static bool opens_by_own_root;

void filesystem_open_by_own_root(void) {
        opens_by_own_root = true;
}

int filesystem_open_root(const char *mount_point, dev_t device_number) {
        _cleanup_(close_fd_at) int first_root_fd = -EBADF, fd = -EBADF;

        /* A magic link: it has to be opened by itself, resolution below it does not follow any. */
        if (!opens_by_own_root)
                first_root_fd = open(FIRST_ROOT_PATH, O_PATH|O_DIRECTORY|O_CLOEXEC);

        /* Only the owner of a directory and CAP_FOWNER may spare the access time. */
        fd = open_directory(first_root_fd, mount_point, O_NOATIME);
        if (fd == -EPERM)
                fd = open_directory(first_root_fd, mount_point, 0);
        if (fd < 0)
                return fd;
        if (device_number != 0 && !is_on_device(fd, device_number))
                return -ESTALE;

        return steal_fd(&fd);
}

/* Reading a trusted attribute without this capability says "no such attribute", not "no permission". */
static bool has_sys_admin(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        if (syscall(SYS_capget, &header, data) < 0)
                return false;

        return data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN);
}

int filesystem_read_autofsck(int root_fd, Autofsck *ret_autofsck) {
        char value[AUTOFSCK_VALUE_SIZE];
        Autofsck autofsck;
        ssize_t length;
        int r;

        length = fgetxattr(root_fd, AUTOFSCK_ATTRIBUTE, value, sizeof(value) - 1);
        if (length < 0 && errno == ENODATA && !has_sys_admin())
                return -EPERM;
        if (length < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) {
                *ret_autofsck = AUTOFSCK_UNSET;
                return 0;
        }
        if (length < 0)
                return errno == ERANGE ? -EINVAL : -errno;

        value[length] = '\0';
        r = autofsck_from_name(value, &autofsck);
        /* "unset" is our word for no property, none that the property may hold. */
        if (r < 0 || autofsck == AUTOFSCK_UNSET || strlen(value) != (size_t) length)
                return -EINVAL;

        *ret_autofsck = autofsck;
        return 0;
}

int filesystem_write_autofsck(int root_fd, Autofsck autofsck) {
        const char *value = autofsck_to_name(autofsck);

        if (autofsck == AUTOFSCK_UNSET)
                return fremovexattr(root_fd, AUTOFSCK_ATTRIBUTE) < 0 && errno != ENODATA ? -errno : 0;
        return fsetxattr(root_fd, AUTOFSCK_ATTRIBUTE, value, strlen(value), 0) < 0 ? -errno : 0;
}

static bool is_zero(const uint8_t *bytes, size_t length) {
        for (size_t i = 0; i < length; i++)
                if (bytes[i] != 0)
                        return false;

        return true;
}

static void set_uuid(FilesystemFacts *facts, const uint8_t uuid[static UUID_SIZE]) {
        memcpy(facts->uuid, uuid, UUID_SIZE);
        facts->uuid_state = is_zero(uuid, UUID_SIZE) ? FACT_ABSENT : FACT_KNOWN;
}

static int probe_xfs_geometry(int root_fd, FilesystemFacts *facts) {
        struct abi_xfs_fsop_geom geometry = {};

        if (ioctl(root_fd, ABI_XFS_IOC_FSGEOMETRY, &geometry) < 0)
                return -errno;

        set_uuid(facts, geometry.uuid);
        facts->has_rmapbt = geometry.flags & ABI_XFS_FSOP_GEOM_FLAGS_RMAPBT;
        facts->has_parent_pointers = geometry.flags & ABI_XFS_FSOP_GEOM_FLAGS_PARENT;
        facts->has_metadir = geometry.flags & ABI_XFS_FSOP_GEOM_FLAGS_METADIR;
        /* Without the feature the kernel keeps one group for itself, and a later one may show it here. */
        facts->n_rtgroups = facts->has_metadir ? geometry.rgcount : 0;
        return 0;
}

/* It has FS_IOC_GETFSUUID no more than a device number of its own: subvolumes show numbers of theirs. */
static int probe_btrfs_uuid(int root_fd, FilesystemFacts *facts) {
        struct abi_btrfs_ioctl_fs_info_args answer = {};

        if (ioctl(root_fd, ABI_BTRFS_IOC_FS_INFO, &answer) < 0)
                return -errno;

        set_uuid(facts, answer.fsid);
        return 0;
}

static int probe_uuid(int root_fd, FilesystemFacts *facts) {
        struct abi_fsuuid2 answer = {};

        if (ioctl(root_fd, ABI_FS_IOC_GETFSUUID, &answer) < 0)
                return -errno;
        if (answer.len != UUID_SIZE)
                return -ENODATA;

        set_uuid(facts, answer.uuid);
        return 0;
}

static int probe_label(int root_fd, FilesystemFacts *facts) {
        char label[ABI_FSLABEL_MAX + 1] = "";
        char *copy;

        if (ioctl(root_fd, ABI_FS_IOC_GETFSLABEL, label) < 0)
                return -errno;

        free(facts->label);
        facts->label = NULL;
        facts->label_state = FACT_ABSENT;
        if (label[0] == '\0')
                return 0;

        copy = strdup(label);
        if (!copy)
                return -ENOMEM;

        facts->label = copy;
        facts->label_state = FACT_KNOWN;
        return 0;
}

static int probe_read_only(int root_fd, FilesystemFacts *facts) {
        _cleanup_(mount_info_clear) MountInfo info = {};
        struct statvfs status;

        if (mount_of(root_fd, &info) == 0) {
                facts->is_read_only = info.is_superblock_read_only ? TRISTATE_YES : TRISTATE_NO;
                return 0;
        }

        if (fstatvfs(root_fd, &status) < 0)
                return -errno;
        /* Set if the mount or the superblock is read-only: then only one of both answers is certain. */
        facts->is_read_only = status.f_flag & ST_RDONLY ? TRISTATE_UNKNOWN : TRISTATE_NO;
        return 0;
}

static void probe_autofsck(int root_fd, FilesystemFacts *facts) {
        int r;

        facts->autofsck = AUTOFSCK_UNSET;
        facts->autofsck_error = 0;
        facts->autofsck_state = FACT_ABSENT;
        if (!text_equal(facts->type, "xfs"))
                return;

        r = filesystem_read_autofsck(root_fd, &facts->autofsck);
        if (r < 0)
                facts->autofsck_error = -r;
        facts->autofsck_state = r < 0 ? FACT_UNKNOWN : FACT_KNOWN;
}

static int probe_identity(int root_fd, FilesystemFacts *facts) {
        static const struct {
                const char *type;
                int (*probe)(int root_fd, FilesystemFacts *facts);
        } ways[] = {
                { "xfs", probe_xfs_geometry },
                { "btrfs", probe_btrfs_uuid },
        };

        for (size_t i = 0; i < ELEMENTSOF(ways); i++)
                if (text_equal(facts->type, ways[i].type))
                        return ways[i].probe(root_fd, facts);
        return probe_uuid(root_fd, facts);
}

int filesystem_probe(int root_fd, FilesystemFacts *facts) {
        int identity, label, read_only;

        facts->uuid_state = FACT_UNKNOWN;
        facts->label_state = FACT_UNKNOWN;
        facts->is_read_only = TRISTATE_UNKNOWN;

        identity = probe_identity(root_fd, facts);
        label = probe_label(root_fd, facts);
        read_only = probe_read_only(root_fd, facts);
        probe_autofsck(root_fd, facts);

        if (label == -ENOMEM)
                return -ENOMEM;
        /* A descriptor that answers nothing at all is broken; a file system without UUID or label is not. */
        return identity < 0 && label < 0 && read_only < 0 ? identity : 0;
}
