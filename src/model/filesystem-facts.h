/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known about one mounted file system, as a plain value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/basic/cleanup.h"
#include "src/model/vocabulary.h"

/* Every fact is known, known to be absent, or unknown (and then says why). */
typedef enum FactState {
        FACT_UNKNOWN,
        FACT_ABSENT,
        FACT_KNOWN,
} FactState;

typedef enum Tristate {
        TRISTATE_NO,
        TRISTATE_YES,
        TRISTATE_UNKNOWN,
} Tristate;

/* Whole disks that a file system lies on; beyond this not all of them are known. */
#define FILESYSTEM_DISKS_MAX 16

#define UUID_SIZE 16
#define UUID_TEXT_SIZE 37

/* Of the root: would a boot with the parameters that force a check have it checked before it is mounted? */
typedef enum BootCheck {
        BOOT_CHECK_UNKNOWN,
        BOOT_CHECK_POSSIBLE,
        BOOT_CHECK_NO_PROGRAM,          /* what is needed for it is not installed */
        BOOT_CHECK_NOT_IN_FSTAB,        /* it would be, if the root's line in fstab were another */
} BootCheck;
#define N_BOOT_CHECKS (BOOT_CHECK_NOT_IN_FSTAB + 1)

typedef struct FilesystemFacts {
        char *type;                     /* "xfs"; never NULL */
        dev_t device_number;            /* of the superblock (st_dev of its files) */
        char *device;                   /* mount source, "/dev/sda1"; NULL: unknown */
        FactState uuid_state;
        uint8_t uuid[UUID_SIZE];
        FactState label_state;
        char *label;                    /* with FACT_KNOWN */
        char **mounts;                  /* mount points in the first mount namespace, oldest first; NULL-terminated or
                                         * NULL */
        size_t n_mounts;
        bool are_mounts_unknown;        /* of an example: they were too many to be kept, and are not here */
        char *last_mount;               /* where it was when its last mount went: its name in what is said after that */
        Tristate is_root;               /* under /, an overlay layer of /, or /usr */
        Tristate is_state;              /* holds our own state folder */
        Tristate is_removable;          /* or mounted by a user */
        Tristate is_read_only;          /* the superblock */
        FactState autofsck_state;       /* FACT_UNKNOWN: could not be read, autofsck_error says why */
        int autofsck_error;             /* positive errno */
        Autofsck autofsck;
        bool has_rmapbt;
        bool has_parent_pointers;
        bool has_metadir;               /* the feature that real-time groups need; there can be none all the same */
        uint32_t n_rtgroups;
        size_t n_disks;                 /* 0: not known */
        dev_t disks[FILESYSTEM_DISKS_MAX];
} FilesystemFacts;

/* Releases what it holds and leaves an empty value. */
void filesystem_facts_clear(FilesystemFacts *facts);
/* Returns 0 or -ENOMEM; @ret_facts is written only on success. */
int filesystem_facts_copy(const FilesystemFacts *facts, FilesystemFacts *ret_facts);
/* Appends it, unless it is known already. Returns 0 or -ENOMEM. */
int filesystem_facts_add_mount(FilesystemFacts *facts, const char *mount_point);
void filesystem_facts_remove_mount(FilesystemFacts *facts, const char *mount_point);

/* The name people know it by: first mount point, else the last one it had, else device, else "MAJ:MIN" in @buffer. */
const char *filesystem_facts_subject(const FilesystemFacts *facts, char buffer[static 32]);

/* They lie on one and the same disk, as far as that is known. */
bool filesystem_facts_share_disk(const FilesystemFacts *a, const FilesystemFacts *b);

char *uuid_format(const uint8_t uuid[static UUID_SIZE], char buffer[static UUID_TEXT_SIZE]);
int uuid_parse(const char *text, uint8_t ret_uuid[static UUID_SIZE]);
