/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See engine-autofsck.h.
 */
#include "src/engine/engine-autofsck.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* The worker gives its child 10 s, and has 4 s to see whether that dies. */
#define AUTOFSCK_DEADLINE_USEC (20 * USEC_PER_SEC)
#define REASON_TEXT_SIZE 300

struct AutofsckQuestion {
        TAILQ_ENTRY(AutofsckQuestion) entries;
        Engine *engine;
        uint64_t request_id, filesystem_id;
        bool is_set;
        uint32_t caller_uid;
        char reason[REASON_TEXT_SIZE];
        sd_event_source *timer;
        EngineAutofsckDone done;
        void *userdata;
};

static AutofsckQuestion *question_free(AutofsckQuestion *question) {
        if (question)
                sd_event_source_disable_unref(question->timer);
        free(question);
        return NULL;
}
DEFINE_CLEANUP(AutofsckQuestion, question_free)

static void end(AutofsckQuestion *question, int error, Autofsck value) {
        Engine *engine = question->engine;

        TAILQ_REMOVE(&engine->autofsck_questions, question, entries);
        engine->n_autofsck_questions--;
        question->done(question->userdata, error, value);
        question_free(question);
}

static int on_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        end(userdata, ETIMEDOUT, AUTOFSCK_UNSET);
        return 0;
}

static int send(Engine *engine, const AutofsckOrder *order, uint64_t request_id) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_SET_AUTOFSCK);
        message.set_autofsck.request_id = request_id;
        message.set_autofsck.device_number = order->filesystem->facts.device_number;
        message.set_autofsck.is_set = order->is_set;
        message.set_autofsck.autofsck = order->is_set ? (uint8_t) order->value : 0;
        return worker_link_send(engine->link, &message, order->filesystem->monitor_fd);
}

static int check(const Engine *engine, const AutofsckOrder *order) {
        const FilesystemFacts *facts = &order->filesystem->facts;

        if (!text_equal(facts->type, "xfs"))
                return -EOPNOTSUPP;
        if (order->filesystem->is_shut_down)
                return -ESHUTDOWN;
        if (!engine->link || !worker_link_is_ready(engine->link))
                return -ENOTCONN;
        return engine->n_autofsck_questions >= ENGINE_AUTOFSCK_QUESTIONS_MAX ? -ENOBUFS : 0;
}

int engine_autofsck(Engine *engine, const AutofsckOrder *order, EngineAutofsckDone done, void *userdata) {
        _cleanup_(question_free_at) AutofsckQuestion *question = NULL;
        Filesystem *filesystem = order->filesystem;
        int r;

        if (!order->is_set && filesystem->facts.autofsck_state == FACT_KNOWN &&
            filesystem->autofsck_read_monotonic_usec != 0 &&
            clock_monotonic_usec() - filesystem->autofsck_read_monotonic_usec < ENGINE_AUTOFSCK_FRESH_USEC) {
                done(userdata, 0, filesystem->facts.autofsck);
                return 0;
        }
        r = check(engine, order);
        if (r < 0)
                return r;

        question = calloc(1, sizeof(*question));
        if (!question)
                return -ENOMEM;
        question->engine = engine;
        question->request_id = ++engine->last_autofsck_id;
        question->filesystem_id = filesystem->id;
        question->is_set = order->is_set;
        question->caller_uid = order->caller_uid;
        question->done = done;
        question->userdata = userdata;
        if (order->reason)
                (void) text_append_escaped(question->reason, sizeof(question->reason), order->reason,
                                           strlen(order->reason));
        r = sd_event_add_time_relative(engine->event, &question->timer, CLOCK_MONOTONIC, AUTOFSCK_DEADLINE_USEC, 0,
                                       on_deadline, question);
        if (r >= 0)
                r = send(engine, order, question->request_id);
        if (r < 0)
                return r;

        TAILQ_INSERT_TAIL(&engine->autofsck_questions, question, entries);
        engine->n_autofsck_questions++;
        (void) steal_ptr(question);
        return 0;
}

static void take(AutofsckQuestion *question, Filesystem *filesystem, Autofsck value) {
        FilesystemFacts *facts = &filesystem->facts;
        bool is_news = facts->autofsck_state != FACT_KNOWN || facts->autofsck != value;
        char number[32];

        facts->autofsck_state = FACT_KNOWN;
        facts->autofsck_error = 0;
        facts->autofsck = value;
        filesystem->autofsck_read_monotonic_usec = clock_monotonic_usec();
        if (question->is_set)
                log_notice("%s: property autofsck set to %s by user %" PRIu32 "%s%s",
                           filesystem_facts_subject(facts, number), autofsck_to_name(value), question->caller_uid,
                           question->reason[0] ? ": " : "", question->reason);
        if (is_news)
                engine_tell(question->engine, on_filesystem, filesystem);
}

void engine_on_autofsck(Engine *engine, const WorkerAutofsckResult *told) {
        AutofsckQuestion *question;
        Filesystem *filesystem;

        TAILQ_FOREACH(question, &engine->autofsck_questions, entries)
                if (question->request_id == told->request_id)
                        break;
        /* What comes after the deadline is nobody's. */
        if (!question)
                return;
        filesystem = filesystem_table_find_id(engine->filesystems, question->filesystem_id);
        if (!filesystem || told->error != 0 || told->autofsck_state != FACT_KNOWN) {
                end(question, !filesystem ? ESTALE : told->error ?: EIO, AUTOFSCK_UNSET);
                return;
        }
        take(question, filesystem, (Autofsck) told->autofsck);
        end(question, 0, (Autofsck) told->autofsck);
}

void engine_autofsck_end_all(Engine *engine, int error) {
        AutofsckQuestion *question;

        while ((question = TAILQ_FIRST(&engine->autofsck_questions)))
                end(question, error, AUTOFSCK_UNSET);
}
