/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests in the order they were made: all have the same deadline, so the first is the next to expire. Those for which
 * the worker's sign of life is waited for stand last, with a later one.
 */

#include <sys/queue.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/facts/fact-gatherer.h"
#include "src/link/line.h"

/* A timer of ours is late by far less on any machine that runs. */
#define STOOD_STILL_USEC USEC_PER_SEC

typedef struct Request {
        TAILQ_ENTRY(Request) entries;
        uint64_t id;
        uint64_t filesystem_id;
        uint64_t asked_usec;            /* monotonic, as the next one */
        uint64_t deadline_usec;
        bool is_overdue;                /* waits for a sign of life only */
        bool was_forgiven;              /* that its deadline passed while we stood still */
} Request;

struct FactGatherer {
        sd_event *event;
        sd_event_source *timer;
        WorkerLink *link;
        FactGathered gathered;
        void *userdata;
        TAILQ_HEAD(Requests, Request) requests;
        size_t n_requests;
        uint64_t last_id;
        uint64_t n_unanswered;
};

static void timer_arm(FactGatherer *gatherer) {
        Request *first = TAILQ_FIRST(&gatherer->requests);
        int r;

        if (!first) {
                (void) sd_event_source_set_enabled(gatherer->timer, SD_EVENT_OFF);
                return;
        }
        r = sd_event_source_set_time(gatherer->timer, first->deadline_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(gatherer->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "facts: cannot set the timer for deadlines: %m");
}

static void request_end(FactGatherer *gatherer, Request *request, const WorkerGathered *answer, int names_fd) {
        uint64_t id = request->id, filesystem_id = request->filesystem_id;

        TAILQ_REMOVE(&gatherer->requests, request, entries);
        gatherer->n_requests--;
        free(request);
        gatherer->gathered(gatherer->userdata, filesystem_id, id, answer, names_fd);
}

static void end_unanswered(FactGatherer *gatherer, Request *request) {
        if (gatherer->n_unanswered++ == 0)
                log_warning("facts: the worker did not answer within 5s, deciding without");
        request_end(gatherer, request, NULL, -EBADF);
}

/* What no child is needed for, the worker answers at once: a question about no file system. */
static void ask_for_life(FactGatherer *gatherer) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_GATHER);
        /* A failure closes the line, and that ends every request. */
        (void) worker_link_send(gatherer->link, &message, -EBADF);
}

/* Puts a request off until the worker has shown that it lives, or was found to stand still. Returns false if there is
 * no doubt. */
static bool put_off(FactGatherer *gatherer, Request *request, uint64_t now) {
        if (request->is_overdue || !worker_link_doubt(gatherer->link, request->asked_usec))
                return false;

        request->is_overdue = true;
        request->deadline_usec = now + LINE_DOUBT_USEC + GATHER_DEADLINE_USEC;
        TAILQ_REMOVE(&gatherer->requests, request, entries);
        TAILQ_INSERT_TAIL(&gatherer->requests, request, entries);
        return true;
}

static void insert(FactGatherer *gatherer, Request *request) {
        Request *other;

        TAILQ_FOREACH(other, &gatherer->requests, entries)
                if (other->is_overdue) {
                        TAILQ_INSERT_BEFORE(other, request, entries);
                        return;
                }
        TAILQ_INSERT_TAIL(&gatherer->requests, request, entries);
}

/* Where the timer comes so late, the machine stood still (a virtual one does now and then), and the worker had as
 * little of that time as we: it gets it again, once. */
static bool forgive(FactGatherer *gatherer, Request *request, uint64_t now) {
        if (request->was_forgiven || request->is_overdue || now - request->deadline_usec < STOOD_STILL_USEC)
                return false;

        request->was_forgiven = true;
        request->deadline_usec = now + GATHER_DEADLINE_USEC;
        TAILQ_REMOVE(&gatherer->requests, request, entries);
        insert(gatherer, request);
        return true;
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        FactGatherer *gatherer = userdata;
        uint64_t now = clock_monotonic_usec();
        bool is_doubted = false;
        Request *request;

        while ((request = TAILQ_FIRST(&gatherer->requests)) && request->deadline_usec <= now)
                if (forgive(gatherer, request, now))
                        continue;
                else if (put_off(gatherer, request, now))
                        is_doubted = true;
                else
                        end_unanswered(gatherer, request);

        timer_arm(gatherer);
        if (is_doubted)
                ask_for_life(gatherer);
        return 0;
}

int fact_gatherer_new(sd_event *event, WorkerLink *link, FactGathered gathered, void *userdata,
                      FactGatherer **ret_gatherer) {
        _cleanup_(fact_gatherer_free_at) FactGatherer *gatherer = calloc(1, sizeof(*gatherer));
        int r;

        if (!gatherer)
                return -ENOMEM;
        gatherer->event = sd_event_ref(event);
        gatherer->link = link;
        gatherer->gathered = gathered;
        gatherer->userdata = userdata;
        TAILQ_INIT(&gatherer->requests);

        r = sd_event_add_time(event, &gatherer->timer, CLOCK_MONOTONIC, 0, 50 * USEC_PER_MSEC, on_timer, gatherer);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(gatherer->timer, LINE_DEADLINE_PRIORITY);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(gatherer->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_gatherer = steal_ptr(gatherer);
        return 0;
}

FactGatherer *fact_gatherer_free(FactGatherer *gatherer) {
        Request *request;

        if (!gatherer)
                return NULL;
        while ((request = TAILQ_FIRST(&gatherer->requests))) {
                TAILQ_REMOVE(&gatherer->requests, request, entries);
                free(request);
        }
        sd_event_source_disable_unref(gatherer->timer);
        sd_event_unref(gatherer->event);
        free(gatherer);
        return NULL;
}

int fact_gatherer_ask(FactGatherer *gatherer, const Filesystem *filesystem, const FactQuestion *question,
                      uint64_t *ret_request_id) {
        _cleanup_(free_at) Request *request = NULL;
        WorkerMessage message;
        int r;

        if (!worker_link_is_ready(gatherer->link))
                return -ENOTCONN;
        if (gatherer->n_requests >= GATHERS_MAX)
                return -ENOBUFS;

        request = malloc(sizeof(*request));
        if (!request)
                return -ENOMEM;
        *request = (Request) {
                .id = ++gatherer->last_id,
                .filesystem_id = filesystem->id,
                .asked_usec = clock_monotonic_usec(),
        };
        request->deadline_usec = request->asked_usec + GATHER_DEADLINE_USEC;

        worker_message_init(&message, WORKER_GATHER);
        message.gather.request_id = request->id;
        message.gather.device_number = filesystem->facts.device_number;
        if (question->path || question->owner || question->project || question->is_lost) {
                message.gather.inode = question->inode;
                message.gather.generation = question->generation;
        }
        message.gather.wants_path = question->path;
        message.gather.wants_owner = question->owner;
        message.gather.wants_project = question->project;
        message.gather.is_lost = question->is_lost;
        message.gather.error_since_sec = question->error_since_sec;
        message.gather.checked = question->checked;
        r = worker_link_send(gatherer->link, &message, filesystem->monitor_fd);
        if (r < 0)
                return r;

        *ret_request_id = request->id;
        insert(gatherer, request);
        request = NULL;
        if (gatherer->n_requests++ == 0)
                timer_arm(gatherer);
        return 0;
}

/* It lives, so what it has not answered by its deadline is not known. */
static void end_overdue(FactGatherer *gatherer) {
        Request *request;

        while ((request = TAILQ_LAST(&gatherer->requests, Requests)) && request->is_overdue)
                end_unanswered(gatherer, request);
        timer_arm(gatherer);
}

void fact_gatherer_on_answer(FactGatherer *gatherer, const WorkerGathered *answer, int names_fd) {
        Request *request;

        if (answer->request_id == 0) {
                end_overdue(gatherer);
                return;
        }
        TAILQ_FOREACH(request, &gatherer->requests, entries)
                if (request->id == answer->request_id) {
                        gatherer->n_unanswered = 0;
                        request_end(gatherer, request, answer, names_fd);
                        timer_arm(gatherer);
                        return;
                }
        log_debug("facts: an answer comes too late or was never asked for");
}

void fact_gatherer_on_worker_lost(FactGatherer *gatherer) {
        Request *request;

        while ((request = TAILQ_FIRST(&gatherer->requests)))
                request_end(gatherer, request, NULL, -EBADF);
        timer_arm(gatherer);
}
