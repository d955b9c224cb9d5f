/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the counters of ext4 (sysfs) and btrfs (ioctl).
 */
#include "kernel/old-errors.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/btrfs-abi.h"
#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

#define ATTRIBUTE_LIMIT_BYTES 4096
/* Numbers of devices are never used again, but nobody has added so many to one file system. */
#define BTRFS_DEVICE_ID_MAX 65536

/* ext4 writes its own codes to the disk, the same on every machine. 1 stands for an error that it has no code for. */
static const int ext4_errors[] = {
        [2] = EIO,
        [3] = ENOMEM,
        [4] = EBADMSG,
        [5] = EUCLEAN,
        [6] = ENOSPC,
        [7] = ENOKEY,
        [8] = EROFS,
        [9] = EFBIG,
        [10] = EEXIST,
        [11] = ERANGE,
        [12] = EOVERFLOW,
        [13] = EBUSY,
        [14] = ENOTDIR,
        [15] = ENOTEMPTY,
        [16] = ESHUTDOWN,
        [17] = EFAULT,
};

/* The folder of a mounted ext4 is named after the block device. Returns 0 or a negative errno. */
static int find_ext4_folder(const char *sys, dev_t device_number, char folder[static PATH_MAX]) {
        char path[PATH_MAX], target[PATH_MAX];
        const char *name;
        ssize_t length;

        if (snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sys, major(device_number), minor(device_number)) >=
            (int) sizeof(path))
                return -ENAMETOOLONG;
        length = readlink(path, target, sizeof(target) - 1);
        if (length < 0)
                return -errno;
        target[length] = '\0';

        name = strrchr(target, '/');
        name = name ? name + 1 : target;
        if (snprintf(folder, PATH_MAX, "%s/fs/ext4/%s", sys, name) >= PATH_MAX)
                return -ENAMETOOLONG;

        return access(folder, F_OK) < 0 ? -errno : 0;
}

static int read_attribute(const char *folder, const char *name, char **ret_line) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int) sizeof(path))
                return -ENAMETOOLONG;

        return file_read_line(path, ATTRIBUTE_LIMIT_BYTES, ret_line);
}

/* 0 for what cannot be read: kernels have added these one by one. */
static uint64_t read_number(const char *folder, const char *name) {
        _cleanup_(free_at) char *line = NULL;
        uint64_t number;

        if (read_attribute(folder, name, &line) < 0 || number_parse_u64(line, 0, UINT64_MAX, &number) < 0)
                return 0;

        return number;
}

static int find_ext4(const char *sys, dev_t device_number, OldErrors *ret_errors) {
        _cleanup_(free_at) char *function = NULL;
        char folder[PATH_MAX];
        OldErrors errors = {};
        uint64_t code;
        int r;

        r = find_ext4_folder(sys, device_number, folder);
        if (r < 0)
                return r;

        errors.count = read_number(folder, "errors_count");
        if (errors.count > 0) {
                errors.inode = read_number(folder, "last_error_ino");
                errors.realtime_sec = read_number(folder, "last_error_time");
                code = read_number(folder, "last_error_errcode");
                errors.error = code < ELEMENTSOF(ext4_errors) ? ext4_errors[code] : 0;
                /* One that does not fit is cut; 32 bytes are what the disk has room for. */
                if (read_attribute(folder, "last_error_func", &function) >= 0 && function[0] != '\0')
                        (void) snprintf(errors.location, sizeof(errors.location), "%.32s:%" PRIu64, function,
                                        read_number(folder, "last_error_line"));
        }

        *ret_errors = errors;
        return 0;
}

/* What each statistic of a device is counted as. */
static const struct {
        size_t index;                   /* in the answer */
        int error;
} btrfs_errors[ABI_BTRFS_DEV_STAT_VALUES_MAX] = {
        [ABI_BTRFS_DEV_STAT_WRITE_ERRS] = { 0, EIO },
        [ABI_BTRFS_DEV_STAT_READ_ERRS] = { 0, EIO },
        [ABI_BTRFS_DEV_STAT_FLUSH_ERRS] = { 0, EIO },
        [ABI_BTRFS_DEV_STAT_CORRUPTION_ERRS] = { 1, EUCLEAN },
        [ABI_BTRFS_DEV_STAT_GENERATION_ERRS] = { 1, EUCLEAN },
};

static int find_btrfs(int root_fd, OldErrors ret_errors[static OLD_ERRORS_MAX]) {
        struct abi_btrfs_ioctl_fs_info_args info = {};
        OldErrors errors[OLD_ERRORS_MAX] = {};
        uint64_t n_found = 0;

        if (ioctl(root_fd, ABI_BTRFS_IOC_FS_INFO, &info) < 0)
                return -errno;
        if (info.max_id > BTRFS_DEVICE_ID_MAX)
                return -E2BIG;

        /* Numbers of devices that were removed stay unused. */
        for (uint64_t id = 0; id <= info.max_id && n_found < info.num_devices; id++) {
                struct abi_btrfs_ioctl_get_dev_stats stats = { .devid = id, .nr_items = ABI_BTRFS_DEV_STAT_VALUES_MAX };

                if (ioctl(root_fd, ABI_BTRFS_IOC_GET_DEV_STATS, &stats) < 0) {
                        if (errno == ENODEV)
                                continue;
                        return -errno;
                }
                n_found++;
                for (size_t i = 0; i < ELEMENTSOF(btrfs_errors) && i < stats.nr_items; i++)
                        if (stats.values[i] > 0) {
                                errors[btrfs_errors[i].index].count += stats.values[i];
                                errors[btrfs_errors[i].index].error = btrfs_errors[i].error;
                        }
        }

        memcpy(ret_errors, errors, sizeof(errors));
        return 0;
}

int old_errors_find(const char *type, const char *sys, dev_t device_number, int root_fd,
                    OldErrors ret_errors[static OLD_ERRORS_MAX]) {
        memset(ret_errors, 0, OLD_ERRORS_MAX * sizeof(*ret_errors));
        if (text_equal(type, "ext4") || text_equal(type, "ext3") || text_equal(type, "ext2"))
                return find_ext4(sys, device_number, ret_errors);
        if (text_equal(type, "btrfs"))
                return find_btrfs(root_fd, ret_errors);

        return 0;
}
