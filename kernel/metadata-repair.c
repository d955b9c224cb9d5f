/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks the kernel to check or repair one structure and says in our words how it ended.
 */
#include "kernel/metadata-repair.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "kernel/filesystem-probe.h"
#include "kernel/metadata-structures.h"
#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"

bool metadata_structure_is_repairable(Structure structure) {
        const MetadataStructure *row = metadata_structure_find(structure);

        return row && row->scrub_type != METADATA_NO_SCRUB_TYPE;
}

/* XFS says EFSCORRUPTED and EFSBADCRC, which have these numbers on Linux. */
#define ERROR_DAMAGED EUCLEAN
#define ERROR_BAD_CHECKSUM EBADMSG

static const struct {
        int error;
        Outcome outcome;
} error_outcomes[] = {
        { ENOENT,               OUTCOME_GONE },
        { ESTALE,               OUTCOME_GONE },
        { EROFS,                OUTCOME_READ_ONLY },
        { ESHUTDOWN,            OUTCOME_SHUT_DOWN },
        { EBUSY,                OUTCOME_BUSY },
        { EDEADLOCK,            OUTCOME_BUSY },
        { EDEADLK,              OUTCOME_BUSY },         /* another number on some architectures */
        { EAGAIN,               OUTCOME_BUSY },
        { ENOMEM,               OUTCOME_NO_MEMORY },
        { EOPNOTSUPP,           OUTCOME_NOT_SUPPORTED },
        { ENOTTY,               OUTCOME_NOT_SUPPORTED },
        { ENOTRECOVERABLE,      OUTCOME_NOT_SUPPORTED },        /* mounted with norecovery */
        { EPERM,                OUTCOME_NO_PERMISSION },
        { EACCES,               OUTCOME_NO_PERMISSION },
        { EINTR,                OUTCOME_CANCELLED },
        { ERROR_DAMAGED,        OUTCOME_STILL_CORRUPT },
        { ERROR_BAD_CHECKSUM,   OUTCOME_STILL_CORRUPT },
};

/* The first row with one of its flags set decides: the worst answer comes first. */
static const struct {
        uint32_t flags;
        Outcome after_check, after_repair;
} flag_outcomes[] = {
        { ABI_XFS_SCRUB_OFLAG_CORRUPT, OUTCOME_STILL_CORRUPT, OUTCOME_STILL_CORRUPT },
        { ABI_XFS_SCRUB_OFLAG_INCOMPLETE, OUTCOME_INCOMPLETE, OUTCOME_INCOMPLETE },
        { ABI_XFS_SCRUB_OFLAG_XFAIL | ABI_XFS_SCRUB_OFLAG_XCORRUPT, OUTCOME_CROSS_REFERENCE, OUTCOME_CROSS_REFERENCE },
        { ABI_XFS_SCRUB_OFLAG_NO_REPAIR_NEEDED, OUTCOME_DONE, OUTCOME_NOT_NEEDED },
};

static const uint32_t call_flags[] = {
        [METADATA_CHECK] = 0,
        [METADATA_REPAIR] = ABI_XFS_SCRUB_IFLAG_REPAIR,
        [METADATA_REBUILD] = ABI_XFS_SCRUB_IFLAG_REPAIR|ABI_XFS_SCRUB_IFLAG_FORCE_REBUILD,
};

static Outcome outcome_of_error(int error) {
        for (size_t i = 0; i < ELEMENTSOF(error_outcomes); i++)
                if (error_outcomes[i].error == error)
                        return error_outcomes[i].outcome;

        return OUTCOME_FAILED;
}

static Outcome outcome_of_flags(MetadataCall call, uint32_t flags) {
        for (size_t i = 0; i < ELEMENTSOF(flag_outcomes); i++)
                if (flag_outcomes[i].flags & flags)
                        return call == METADATA_CHECK ? flag_outcomes[i].after_check : flag_outcomes[i].after_repair;

        /* What could be tidied up (PREEN) or looks odd (WARNING) is not damaged. */
        return OUTCOME_DONE;
}

MetadataResult metadata_result_classify(MetadataCall call, int error, uint32_t flags) {
        return (MetadataResult) {
                .outcome = error != 0 ? outcome_of_error(error) : outcome_of_flags(call, flags),
                .error = error,
                .flags = flags,
        };
}

/* Returns 0 or a negative errno. */
static int probe(int fd, uint32_t flags) {
        struct abi_xfs_scrub_metadata scrub = {
                .sm_type = ABI_XFS_SCRUB_TYPE_PROBE,
                .sm_flags = flags,
        };

        return ioctl(fd, ABI_XFS_IOC_SCRUB_METADATA, &scrub) < 0 ? -errno : 0;
}

MetadataResult metadata_call(int fd, const RepairTarget *target, MetadataCall call) {
        const MetadataStructure *row = metadata_structure_find(target->structure);
        struct abi_xfs_scrub_metadata scrub = {};
        MetadataResult result;
        int error = 0;

        if (!row || row->scrub_type == METADATA_NO_SCRUB_TYPE)
                return metadata_result_classify(call, EOPNOTSUPP, 0);

        scrub.sm_type = (uint32_t) row->scrub_type;
        scrub.sm_flags = call_flags[call];

        switch (row->selector) {
        case METADATA_SELECTOR_NONE:
                break;

        case METADATA_SELECTOR_GROUP:
                scrub.sm_agno = target->group;
                break;

        case METADATA_SELECTOR_INODE:
                scrub.sm_ino = target->inode;
                scrub.sm_gen = target->generation;
                /* Reported while it could not be loaded. If it can be by now, the kernel wants to hear what it has;
                 * if not, 0 is what it takes. */
                if (target->generation == 0)
                        (void) filesystem_inode_generation(fd, target->inode, &scrub.sm_gen);
                break;
        }

        if (ioctl(fd, ABI_XFS_IOC_SCRUB_METADATA, &scrub) < 0)
                error = errno;

        result = metadata_result_classify(call, error, scrub.sm_flags);
        /* A file system that shut down meanwhile answers whatever is under way with EIO. */
        if (error == EIO && probe(fd, 0) == -ESHUTDOWN)
                result.outcome = OUTCOME_SHUT_DOWN;
        return result;
}

int metadata_check_probe(int fd) {
        return probe(fd, 0);
}

int metadata_repair_probe(int fd) {
        return probe(fd, ABI_XFS_SCRUB_IFLAG_REPAIR);
}
