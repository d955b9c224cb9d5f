/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who would be taken if the users of a file system were failed, and who is spared whatever a policy says. One table,
 * that nothing configures. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/basic/names.h"
#include "src/model/workload.h"

typedef enum UserKind {
        USER_PROCESS,
        USER_LOOP,                      /* a loop device on a file */
        USER_STACKED,                   /* a device on such a loop device: device-mapper, md */
        USER_SWAP,
        USER_EXPORT,                    /* NFS */
        USER_OVERLAY,                   /* an overlay with a layer there */
} UserKind;
DECLARE_NAMES(user_kind, UserKind)
#define N_USER_KINDS (USER_OVERLAY + 1)

/* How a process uses it: bits. */
typedef enum UserUse {
        USE_OPEN = 1 << 0,              /* an open file or folder */
        USE_MAPPED = 1 << 1,
        USE_WORKING = 1 << 2,           /* its working directory */
        USE_ROOT = 1 << 3,              /* its root directory */
        USE_PROGRAM = 1 << 4,           /* what it runs */
        USE_UNKNOWN = 1 << 5,           /* some of it could not be looked at */
} UserUse;
#define USER_USES_ALL ((USE_UNKNOWN << 1) - 1)
/* "open", "mapped", …: of one bit; NULL: no such bit. */
const char *user_use_to_name(unsigned use);

#define USER_NAME_SIZE 64

typedef struct UserFacts {
        UserKind kind;
        const char *name;               /* of the program, as the process tells it; borrowed */
        pid_t pid;
        uint32_t uid;
        unsigned uses;                  /* UserUse */
        bool is_root_filesystem;        /* what is used is the machine's root or /usr, or that is not known */
        bool is_state_filesystem;       /* what is used holds healerd's own state */
        bool is_ourselves;
        bool is_kernel_thread;
        bool is_storage;                /* its first argument begins with "@": it lives as long as the root does */
        bool is_marked;                 /* its control group says to leave it alone */
        const Workload *workload;       /* NULL: not known */
} UserFacts;

/* Why it is spared, as half a sentence ("is the system bus"); NULL: it would be taken. Static text. */
const char *user_spared_because(const UserFacts *facts);

/* True if nothing else spares it but that it is somebody's session: a rule that names the session may take it. */
bool user_is_spared_as_session(const UserFacts *facts);
