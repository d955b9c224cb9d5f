/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine with one XFS at /srv and a worker played by the test, for test programs of src/engine/.
 */
#pragma once

#include "src/engine/engine-internal.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x701
#define REPAIRS_MAX 64

typedef struct Setup Setup;
struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        char root[64];

        Autofsck autofsck;
        Outcome outcome;                /* what the worker answers to repairs */
        Outcome scrub_outcome;
        const char *detail, *file;
        BootCheck boot_check;
        bool is_gather_silent;
        Tristate is_sick;               /* what the worker says of what had to last */

        unsigned n_gathers, n_asked_for_life, n_repairs, n_scrubs, n_units, n_taken;
        WorkerUnitRequest last_unit;
        char unit_message[4096], unit_paths[256];
        size_t unit_paths_size;
        WorkerRepairRequest last_repair;
        WorkerGatherRequest last_gather;
        EventKind kinds[128];
        uint64_t causes[128];
        size_t n_events;
        unsigned n_decisions, n_notices, n_refused;
        char refused_why[128];
        char last_path[64];
        char suppressed_by[128];        /* of the last decision */
        bool is_complete;
        bool was_handed_over;           /* the worker had something to read when damage was told */

        Outcome (*judge)(Setup *s, const WorkerRepairRequest *request); /* instead of @outcome */
        void (*on_scan)(Setup *s);      /* before it ends */
        void (*on_list_users)(Setup *s, const WorkerUsersRequest *request);     /* NULL: nobody answers */
        bool (*on_message)(Setup *s, const WorkerMessage *message, int fd);     /* true: the test has answered it */
        Structure tried[REPAIRS_MAX];   /* in this order */
};

int engine_fixture_setup(void **state);
/* @before_start: adds observers that want to be told everything; NULL: none. */
int engine_fixture_setup_with(void **state, void (*before_start)(Setup *s));
int engine_fixture_teardown(void **state);

/* Waits as long as it takes. */
void run_until(Setup *s, bool (*is_reached)(Setup *s));
/* Everything here runs on one loop, so what is not ready now will never be without somebody doing something. */
void run_quiet(Setup *s);
/* The result of a job was taken. */
bool is_taken(Setup *s);
/* As the worker answers a question. */
void answer_gather(Setup *s, const WorkerGatherRequest *request);
/* Not in force before engine_reload_policy(). */
void write_policy(Setup *s, const char *text);
/* What the worker says of it and its mount. */
void tell_filesystem(Setup *s, MonitorState monitor_state);
Filesystem *the_filesystem(Setup *s);
void take_sick(Setup *s, Structure structure, uint64_t inode);
