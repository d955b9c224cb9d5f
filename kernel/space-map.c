/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asked anew for each part: a low key without a length gives also what begins before it and reaches into it, so that
 * nothing has to be carried from one answer to the next.
 */
#include "kernel/space-map.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "kernel/fsmap-abi.h"
#include "kernel/media-verify.h"
#include "src/basic/macro.h"

typedef struct MapQuestion {
        struct abi_fsmap_head head;
        struct abi_fsmap records[SPACE_MAP_MAX];
} MapQuestion;

static const struct {
        uint64_t code;
        SpaceOwner owner;
} special_owners[] = {
        { ABI_FMR_OWN_FREE, SPACE_FREE },
        { ABI_XFS_FMR_OWN_FS, SPACE_HEADERS },
        { ABI_XFS_FMR_OWN_LOG, SPACE_LOG },
        { ABI_XFS_FMR_OWN_AG, SPACE_SPACE_BTREES },
        { ABI_XFS_FMR_OWN_INOBT, SPACE_INODE_BTREES },
        { ABI_XFS_FMR_OWN_INODES, SPACE_INODES },
        { ABI_XFS_FMR_OWN_REFC, SPACE_REFCOUNT_BTREE },
        { ABI_XFS_FMR_OWN_COW, SPACE_STAGING },
};

static const char *const owner_texts[] = {
        [SPACE_FREE] = "free space",
        [SPACE_UNKNOWN] = "an unknown owner",
        [SPACE_HEADERS] = "the headers of a group",
        [SPACE_LOG] = "the log",
        [SPACE_SPACE_BTREES] = "the b-trees of free space and of owners",
        [SPACE_INODE_BTREES] = "the b-trees of inodes",
        [SPACE_INODES] = "records of inodes",
        [SPACE_REFCOUNT_BTREE] = "the b-tree of reference counts",
        [SPACE_STAGING] = "what is being written anew",
        [SPACE_FILE] = "contents of files",
        [SPACE_FILE_MAP] = "block maps of files",
        [SPACE_ATTRIBUTES] = "extended attributes",
        [SPACE_ATTRIBUTE_MAP] = "block maps of extended attributes",
};
_Static_assert(ELEMENTSOF(owner_texts) == N_SPACE_OWNERS, "every owner has a text");

const char *space_owner_to_text(SpaceOwner owner) {
        return (size_t) owner < ELEMENTSOF(owner_texts) ? owner_texts[owner] : NULL;
}

/* As the kernel makes 32 bits of it. Source: new_encode_dev(). */
static uint32_t encode(dev_t number) {
        uint32_t minor_number = minor(number);

        return (minor_number & 0xff) | (major(number) << 8) | ((minor_number & ~UINT32_C(0xff)) << 12);
}

int space_map_data(int fd, dev_t device_number, SpaceMap *ret_map) {
        /* Nothing is on device 0: the answer is empty, and says how devices are called. */
        struct abi_fsmap_head head = { .fmh_keys[1].fmr_physical = UINT64_MAX };

        if (ioctl(fd, ABI_FS_IOC_GETFSMAP, &head) < 0)
                return negative_errno();

        *ret_map = (SpaceMap) {
                .fd = fd,
                .device = head.fmh_oflags & ABI_FMH_OF_DEV_T ? encode(device_number) : ABI_XFS_DEV_DATA,
        };
        return 0;
}

static SpaceOwner owner_of(const struct abi_fsmap *record) {
        if (record->fmr_flags & ABI_FMR_OF_SPECIAL_OWNER) {
                for (size_t i = 0; i < ELEMENTSOF(special_owners); i++)
                        if (special_owners[i].code == record->fmr_owner)
                                return special_owners[i].owner;
                return SPACE_UNKNOWN;
        }
        if (record->fmr_flags & ABI_FMR_OF_EXTENT_MAP)
                return record->fmr_flags & ABI_FMR_OF_ATTR_FORK ? SPACE_ATTRIBUTE_MAP : SPACE_FILE_MAP;
        return record->fmr_flags & ABI_FMR_OF_ATTR_FORK ? SPACE_ATTRIBUTES : SPACE_FILE;
}

static SpaceExtent extent_of(const struct abi_fsmap *record) {
        SpaceOwner owner = owner_of(record);

        return (SpaceExtent) {
                .start = record->fmr_physical / MEDIA_UNIT_BYTES,
                .end = (record->fmr_physical + record->fmr_length) / MEDIA_UNIT_BYTES,
                .owner = owner,
                .inode = owner >= SPACE_FILE ? record->fmr_owner : 0,
        };
}

int space_map_read(const SpaceMap *map, uint64_t start, uint64_t end, SpaceExtent *ret_extents, size_t max) {
        MapQuestion question = {
                .head.fmh_count = (uint32_t) min_of(max, (size_t) SPACE_MAP_MAX),
                .head.fmh_keys[0] = { .fmr_device = map->device, .fmr_physical = start * MEDIA_UNIT_BYTES },
                .head.fmh_keys[1] = {
                        .fmr_device = map->device,
                        .fmr_physical = end * MEDIA_UNIT_BYTES - 1,
                        .fmr_owner = UINT64_MAX,
                        .fmr_offset = UINT64_MAX,
                },
        };
        size_t n;

        if (start >= end)
                return 0;
        if (ioctl(map->fd, ABI_FS_IOC_GETFSMAP, &question) < 0)
                return negative_errno();
        n = question.head.fmh_entries;
        if (n > question.head.fmh_count)
                return -EBADMSG;

        for (size_t i = 0; i < n; i++)
                ret_extents[i] = extent_of(question.records + i);
        return (int) n;
}

/* Returns the number of ranges with this one. */
static size_t add_range(SpaceRange *ranges, size_t n, SpaceRange range) {
        if (range.start >= range.end)
                return n;
        if (n > 0 && range.start <= ranges[n - 1].end) {
                ranges[n - 1].end = max_of(ranges[n - 1].end, range.end);
                return n;
        }
        ranges[n] = range;
        return n + 1;
}

int space_map_used(const SpaceMap *map, uint64_t start, uint64_t end, SpaceRange ret_ranges[static SPACE_MAP_MAX],
                   uint64_t *ret_until) {
        SpaceExtent extents[SPACE_MAP_MAX];
        uint64_t until = start;
        size_t n_ranges = 0;
        int n;

        n = space_map_read(map, start, end, extents, SPACE_MAP_MAX);
        if (n < 0)
                return n;

        for (int i = 0; i < n; i++) {
                until = max_of(until, extents[i].end);
                if (extents[i].owner != SPACE_FREE)
                        n_ranges = add_range(ret_ranges, n_ranges, (SpaceRange) {
                                max_of(extents[i].start, start), min_of(extents[i].end, end) });
        }
        /* Fewer than there is room for are all. What lies nowhere is nothing that anybody uses. */
        if (n < SPACE_MAP_MAX || until >= end)
                until = end;
        /* Many owners of one place, which all end before it: a part of it was told. */
        if (until <= start)
                return -EBADMSG;

        *ret_until = until;
        return (int) n_ranges;
}
