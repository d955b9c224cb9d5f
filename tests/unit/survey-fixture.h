/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine that is asked about surveys: a pipe plays the monitor, the test the worker. Include <cmocka.h> and what it
 * needs first.
 */
#pragma once

#include "src/engine/engine-internal.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x701
#define REQUESTS_MAX 16

typedef struct Setup Setup;
struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        char root[64], socket[96];
        int pipe[2];
        Autofsck autofsck;

        WorkerSurveyRequest requests[REQUESTS_MAX];     /* all that were asked for */
        uint64_t requested_usec[REQUESTS_MAX];          /* when */
        size_t n_requests, n_with_monitor;
        uint64_t cancelled[REQUESTS_MAX];
        size_t n_cancelled;
        unsigned n_repairs, n_scrubs, n_gathers;
        bool is_property_unknown, is_read_only;
        bool are_repairs_slow;          /* they are answered by the test */
        uint64_t last_job_id;
        RepairTarget last_target, targets[REQUESTS_MAX];
        Outcome outcome;                /* what the worker answers to repairs and scans */
        bool has_uuid;                  /* its conditions outlive a mount */
        bool has_parent_pointers;
        bool last_is_forced;            /* of the last repair */
        uint16_t mode;                  /* of the inode that is asked about */
        const char *names;              /* all of them, each ended by a NUL byte; NULL: not known */
        size_t names_size;

        HealthEvent events[32];
        char paths[32][64];             /* of theirs; "": none */
        size_t n_events;
        Outcome survey_outcome;
        char survey_detail[JOB_DETAIL_SIZE];
        unsigned n_jobs_ended;
        bool (*on_message)(Setup *s, const WorkerMessage *message, int fd);     /* true: the test has answered it */
};

/* cmocka's fixtures: an engine with a worker, nothing is mounted. */
int survey_setup(void **state);
int survey_teardown(void **state);

/* Everything runs on one loop: what is not ready now never will be without somebody doing something, or time
 * passing. */
void run_quiet(Setup *s);
/* Until so many surveys have been asked for, and not one more. */
void run_until_requests(Setup *s, size_t n);
void run_until_jobs_ended(Setup *s, unsigned n);       /* since the start */

void tell_filesystem(Setup *s, dev_t device_number, int monitor_fd);
/* It is watched, and the survey of the attachment is asked for, not in the first second. */
void attach_and_be_asked(Setup *s);
/* The superblock goes, and comes again: a new pipe. */
void unmount_and_mount(Setup *s);
/* And answered. */
void attach_and_answer(Setup *s);
Filesystem *the_filesystem(Setup *s);
void load_policy(Setup *s, const char *text);

/* The last record of an answer; NULL: nobody asked. */
WorkerMessage prepare_result(const WorkerSurveyRequest *request);
void answer(Setup *s, const WorkerSurveyRequest *request, int error);
void answer_groups(Setup *s, const WorkerSurveyRequest *request, const uint32_t *groups, size_t n, bool is_last);
void answer_job(Setup *s, uint64_t job_id);

/* What the monitor says. */
void queue_record(Setup *s, uint32_t domain, uint32_t type, uint32_t mask, uint32_t group);
void lose_reports(Setup *s);
size_t count_events(const Setup *s, EventKind kind, EventSource source);
