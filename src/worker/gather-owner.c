/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose file it is. The names come from the name service, which may ask a server that does not answer: a process of
 * its own asks, for a moment, and nothing else waits for it.
 */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/cleanup.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/child.h"
#include "src/worker/gather.h"

/* A group's members stand in its entry, and there may be thousands. */
#define ENTRY_BYTES_MIN ((size_t) 4096)
#define ENTRY_BYTES_MAX ((size_t) 4 * 1024 * 1024)

void gather_owner(int fd, const char *type, const WorkerGatherRequest *request, WorkerOwner *answer) {
        InodeOwner owner;
        int r;

        r = filesystem_inode_owner(fd, type, request->inode, request->generation, request->wants_project, &owner);
        if (r < 0) {
                answer->error = answer->project_error = -r;
                return;
        }

        answer->state = FACT_KNOWN;
        answer->error = 0;
        answer->user.number = owner.uid;
        answer->group.number = owner.gid;
        answer->project_error = owner.project_error;
        if (owner.project_error == 0) {
                answer->project_state = FACT_KNOWN;
                answer->project = owner.project;
        }
}

/* Returns the errno of getpwuid_r() or 0; @ret_name, which points into @buffer, is NULL if there is nobody. */
static int find_user(uint32_t number, char *buffer, size_t size_bytes, const char **ret_name) {
        struct passwd entry, *found = NULL;
        int error = getpwuid_r((uid_t) number, &entry, buffer, size_bytes, &found);

        *ret_name = found ? found->pw_name : NULL;
        return error;
}

static int find_group(uint32_t number, char *buffer, size_t size_bytes, const char **ret_name) {
        struct group entry, *found = NULL;
        int error = getgrgid_r((gid_t) number, &entry, buffer, size_bytes, &found);

        *ret_name = found ? found->gr_name : NULL;
        return error;
}

/* Last: whoever reads it meanwhile reads a whole name. */
static void set_state(WorkerAccount *account, FactState state) {
        __atomic_store_n(&account->name_state, (uint8_t) state, __ATOMIC_RELEASE);
}

static void take_name(WorkerAccount *account, const WorkerAccount *shared) {
        account->name_state = __atomic_load_n(&shared->name_state, __ATOMIC_ACQUIRE);
        if (account->name_state == FACT_KNOWN)
                (void) text_copy(account->name, sizeof(account->name), shared->name);
}

static void find_name(WorkerAccount *account,
                      int (*find)(uint32_t number, char *buffer, size_t size_bytes, const char **ret_name)) {
        for (size_t size_bytes = ENTRY_BYTES_MIN; size_bytes <= ENTRY_BYTES_MAX; size_bytes *= 4) {
                _cleanup_(free_at) char *buffer = malloc(size_bytes);
                const char *name;
                int error;

                if (!buffer)
                        return;
                error = find(account->number, buffer, size_bytes, &name);
                if (error == ERANGE)
                        continue;
                /* How services say that they know nobody of this number is not agreed upon. */
                if ((error == 0 && !name) || error == ENOENT || error == ESRCH)
                        set_state(account, FACT_ABSENT);
                else if (error == 0 && text_copy(account->name, sizeof(account->name), name) >= 0)
                        set_state(account, FACT_KNOWN);
                return;
        }
}

/* In a process of its own, whose memory is shared: what was found remains, even if the other name does not come. */
static int find_names(void *userdata) {
        WorkerOwner *shared = userdata;

        find_name(&shared->user, find_user);
        find_name(&shared->group, find_group);
        return 0;
}

void gather_owner_names(WorkerOwner *answer) {
        WorkerOwner *shared;
        int r;

        if (answer->state != FACT_KNOWN)
                return;
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
                return;

        *shared = *answer;
        r = child_call_with_deadline(find_names, shared, GATHER_NAMES_USEC);
        if (r < 0)
                log_debug_errno(r, "names of user %u and group %u: %m", answer->user.number, answer->group.number);
        take_name(&answer->user, &shared->user);
        take_name(&answer->group, &shared->group);
        (void) munmap(shared, sizeof(*shared));
}
