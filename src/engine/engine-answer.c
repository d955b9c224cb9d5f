/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an answer about facts means for the event that it was asked for.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/basic/log.h"
#include "src/basic/sealed-memory.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* The kernel tells of all contents as of those of a file. What is in there of these it can make anew, or look after. */
static const struct {
        mode_t type;
        Structure structure;
} metadata_types[] = {
        { S_IFDIR, STRUCTURE_INODE_DIRECTORY },
        { S_IFLNK, STRUCTURE_INODE_SYMLINK },
};

static void treat_as_metadata(HealthEvent *event, mode_t mode) {
        for (size_t i = 0; i < ELEMENTSOF(metadata_types); i++) {
                if (event->kind != EVENT_DATA_LOST || (mode & S_IFMT) != metadata_types[i].type)
                        continue;
                event->kind = EVENT_SICK;
                event->domain = DOMAIN_INODE;
                event->structure = metadata_types[i].structure;
                event->io_path = IO_PATH_MEDIA;
                event->error = 0;
        }
}

/* The same for another name of the file: decided and told like the first, by rules that may be about one of the names
 * alone. */
static int add_name(Engine *engine, Watch *watch, Case *first, Case *behind, const char *path, Case **ret_named) {
        Case *named = engine->n_cases < ENGINE_CASES_MAX ? calloc(1, sizeof(*named)) : NULL;

        if (!named)
                return -ENOMEM;
        named->event = first->event;
        named->event.id = engine->next_event_id++;
        named->is_named = true;
        named->path_state = FACT_KNOWN;
        named->path = strdup(path);
        if (!named->path) {
                free(named);
                return -ENOMEM;
        }
        /* Who is killed before it was decided begins with all names again. */
        record_ring_hold(engine->ring, named->event.kept_as);
        STAILQ_INSERT_AFTER(&watch->cases, behind, named, entries);
        watch->n_cases++;
        engine->n_cases++;
        *ret_named = named;
        return 0;
}

static void add_names(Engine *engine, Watch *watch, const Filesystem *filesystem, Case *first,
                      const WorkerGathered *answer, int names_fd) {
        _cleanup_(free_at) char *names = NULL;
        uint64_t n_untold = answer->n_names_untold;
        size_t size_bytes = 0;
        Case *last = first;
        char number[32];
        int r;

        if (names_fd >= 0) {
                r = sealed_memory_read(names_fd, WORKER_NAMES_MAX, &names, &size_bytes);
                if (r < 0)
                        log_warning_errno(r, "%s: further names of inode %" PRIu64 " cannot be read: %m",
                                          filesystem_facts_subject(&filesystem->facts, number), first->event.inode);
        }
        for (size_t at = 0; at < size_bytes; at += strlen(names + at) + 1)
                if (add_name(engine, watch, first, last, names + at, &last) < 0)
                        n_untold++;
        if (n_untold > 0)
                log_warning("%s: inode %" PRIu64 ", of which contents are lost, has %" PRIu64
                            " further names that could not be found out",
                            filesystem_facts_subject(&filesystem->facts, number), first->event.inode, n_untold);
}

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

void engine_case_take_answer(Engine *engine, Watch *watch, Filesystem *filesystem, const WorkerGathered *answer,
                             int names_fd) {
        Case *first = STAILQ_FIRST(&watch->cases);

        treat_as_metadata(&first->event, answer->mode);
        take_location(&first->event, &answer->last_error);
        filesystem->facts.autofsck_state = (FactState) answer->autofsck_state;
        filesystem->facts.autofsck = (Autofsck) answer->autofsck;
        filesystem->facts.autofsck_error = answer->autofsck_error;
        if (answer->is_read_only != TRISTATE_UNKNOWN)
                filesystem->facts.is_read_only = (Tristate) answer->is_read_only;

        free(first->owner);
        first->owner = owner_new(&answer->owner);
        first->is_sick = (Tristate) answer->is_sick;
        if (first->is_named)
                return;
        first->path_state = (FactState) answer->path_state;
        first->path_error = answer->path_error;
        if (first->path_state == FACT_KNOWN) {
                first->path = strdup(answer->path);
                if (!first->path) {
                        first->path_state = FACT_UNKNOWN;
                        first->path_error = ENOMEM;
                }
        }
        if (first->event.kind == EVENT_DATA_LOST)
                add_names(engine, watch, filesystem, first, answer, names_fd);
}
