/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mounts of our namespace, asked one by one from the kernel: no text file to parse, and numbers that are
 * never used again.
 */
#include "kernel/mount-table.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/mount-abi.h"
#include "src/basic/macro.h"

/* The buffer for an answer and how far it may grow: source, root and mount point have up to 4096 bytes each. */
#define ANSWER_BYTES 4096
#define ANSWER_LIMIT_BYTES 65536

/* Numbers fetched at once. */
#define LIST_BATCH 256

#define WANTED                                                                                  \
        (ABI_STATMOUNT_SB_BASIC | ABI_STATMOUNT_MNT_BASIC | ABI_STATMOUNT_MNT_ROOT |            \
         ABI_STATMOUNT_MNT_POINT | ABI_STATMOUNT_FS_TYPE | ABI_STATMOUNT_SB_SOURCE)
#define NEEDED                                                                                  \
        (ABI_STATMOUNT_SB_BASIC | ABI_STATMOUNT_MNT_BASIC | ABI_STATMOUNT_MNT_ROOT | ABI_STATMOUNT_FS_TYPE)

void mount_info_clear(MountInfo *info) {
        free(info->type);
        free(info->root);
        free(info->mount_point);
        free(info->source);
        *info = (MountInfo) {};
}

/* Copies the text at @offset behind the fixed part. Returns 0, -EBADMSG or -ENOMEM. */
static int copy_text(const char *answer, size_t size_bytes, uint32_t offset, char **ret_text) {
        const char *text;
        size_t room;
        char *copy;

        if (offset >= size_bytes - sizeof(struct abi_statmount))
                return -EBADMSG;

        text = answer + sizeof(struct abi_statmount) + offset;
        room = size_bytes - sizeof(struct abi_statmount) - offset;
        if (!memchr(text, '\0', room))
                return -EBADMSG;

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;

        *ret_text = copy;
        return 0;
}

int mount_info_parse(const void *answer, size_t size_bytes, MountInfo *ret_info) {
        struct abi_statmount fixed;
        _cleanup_(mount_info_clear) MountInfo info = {};
        const struct {
                uint64_t bit;
                uint32_t offset;
                char **ret_text;
        } texts[] = {
                { ABI_STATMOUNT_FS_TYPE, offsetof(struct abi_statmount, fs_type), &info.type },
                { ABI_STATMOUNT_MNT_ROOT, offsetof(struct abi_statmount, mnt_root), &info.root },
                { ABI_STATMOUNT_MNT_POINT, offsetof(struct abi_statmount, mnt_point), &info.mount_point },
                { ABI_STATMOUNT_SB_SOURCE, offsetof(struct abi_statmount, sb_source), &info.source },
        };
        int r;

        if (size_bytes < sizeof(fixed))
                return -EBADMSG;
        memcpy(&fixed, answer, sizeof(fixed));
        if (fixed.size < sizeof(fixed) || fixed.size > size_bytes || (fixed.mask & NEEDED) != NEEDED)
                return -EBADMSG;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                uint32_t offset;

                /* Before Linux 6.13 the source is not told; a mount point out of reach never is. */
                if (!(fixed.mask & texts[i].bit))
                        continue;

                memcpy(&offset, (const char *) &fixed + texts[i].offset, sizeof(offset));
                r = copy_text(answer, fixed.size, offset, texts[i].ret_text);
                if (r < 0)
                        return r;
        }

        info.mount_id = fixed.mnt_id;
        info.device_number = makedev(fixed.sb_dev_major, fixed.sb_dev_minor);
        info.is_read_only = fixed.mnt_attr & ABI_MOUNT_ATTR_RDONLY;
        info.is_superblock_read_only = fixed.sb_flags & ABI_SB_RDONLY;
        *ret_info = info;
        info = (MountInfo) {};
        return 0;
}

int mount_info_get(uint64_t mount_id, MountInfo *ret_info) {
        struct abi_mnt_id_req request = {
                .size = ABI_MNT_ID_REQ_SIZE_VER0,
                .mnt_id = mount_id,
                .param = WANTED,
        };

        for (size_t size_bytes = ANSWER_BYTES; size_bytes <= ANSWER_LIMIT_BYTES; size_bytes *= 4) {
                _cleanup_(free_at) void *answer = malloc(size_bytes);

                if (!answer)
                        return -ENOMEM;
                if (syscall(ABI_SYS_STATMOUNT, &request, answer, size_bytes, 0) == 0)
                        return mount_info_parse(answer, size_bytes, ret_info);
                if (errno != EOVERFLOW)
                        return -errno;
        }

        return -EOVERFLOW;
}

/* Asks for each of the mounts and hands it on. */
static int tell_batch(const uint64_t *mount_ids, size_t n_mounts, MountInfoFound found, void *userdata) {
        int r;

        for (size_t i = 0; i < n_mounts; i++) {
                _cleanup_(mount_info_clear) MountInfo info = {};

                r = mount_info_get(mount_ids[i], &info);
                if (r == -ENOENT) /* gone since it was listed */
                        continue;
                if (r < 0)
                        return r;

                r = found(&info, userdata);
                if (r < 0)
                        return r;
        }

        return 0;
}

int mount_table_list(MountInfoFound found, void *userdata) {
        struct abi_mnt_id_req request = {
                .size = ABI_MNT_ID_REQ_SIZE_VER0,
                .mnt_id = ABI_LSMT_ROOT,
        };
        uint64_t mount_ids[LIST_BATCH];
        int r;

        for (;;) {
                long n = syscall(ABI_SYS_LISTMOUNT, &request, mount_ids, ELEMENTSOF(mount_ids), 0);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;

                r = tell_batch(mount_ids, (size_t) n, found, userdata);
                if (r < 0)
                        return r;

                /* Numbers only grow, so this ends; the kernel goes on behind the one we saw last. */
                request.param = mount_ids[n - 1];
        }
}
