/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker's answer to a question for facts means for the event that it was asked for.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* Another error may have come meanwhile. */
static void take_location(HealthEvent *event, const OldErrors *last) {
        if (last->count > 0 && !event->location[0] && last->error == event->error && last->inode == event->inode)
                (void) text_copy(event->location, sizeof(event->location), last->location);
}

static Account account_of(const WorkerAccount *told, uint8_t state) {
        Account account = {
                .state = (FactState) state,
                .number = told->number,
                .name_state = (FactState) told->name_state,
        };

        if (text_copy(account.name, sizeof(account.name), told->name) < 0)
                account.name_state = FACT_UNKNOWN;
        return account;
}

/* NULL: it was not asked for, or there is no memory, and it stays unknown. */
static FileOwner *owner_new(const WorkerOwner *told) {
        bool is_told = told->state != FACT_UNKNOWN || told->error != 0;
        FileOwner *owner = is_told ? malloc(sizeof(*owner)) : NULL;

        if (owner)
                *owner = (FileOwner) {
                        .error = told->error,
                        .user = account_of(&told->user, told->state),
                        .group = account_of(&told->group, told->state),
                        .project_state = (FactState) told->project_state,
                        .project_error = told->project_error,
                        .project = told->project,
                };
        return owner;
}

void engine_case_take_answer(Filesystem *filesystem, Case *asked, const WorkerGathered *answer) {
        take_location(&asked->event, &answer->last_error);
        filesystem->facts.autofsck_state = (FactState) answer->autofsck_state;
        filesystem->facts.autofsck = (Autofsck) answer->autofsck;
        filesystem->facts.autofsck_error = answer->autofsck_error;
        if (answer->is_read_only != TRISTATE_UNKNOWN)
                filesystem->facts.is_read_only = (Tristate) answer->is_read_only;

        free(asked->owner);
        asked->owner = owner_new(&answer->owner);
        asked->is_sick = (Tristate) answer->is_sick;
        asked->path_state = (FactState) answer->path_state;
        asked->path_error = answer->path_error;
        if (asked->path_state == FACT_KNOWN) {
                asked->path = strdup(answer->path);
                if (!asked->path) {
                        asked->path_state = FACT_UNKNOWN;
                        asked->path_error = ENOMEM;
                }
        }
}
