/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units that the worker starts: what they are given to read, and how their ends come back.
 */

#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

int engine_start_unit(Engine *engine, const UnitOrder *order) {
        _cleanup_(close_fd_at) int payload_fd = -EBADF;
        WorkerMessage message;
        int r;

        if (!engine->link)
                return -EOPNOTSUPP;
        if (!worker_link_is_ready(engine->link))
                return -ENOTCONN;
        r = unit_payload_make(&order->payload, &payload_fd);
        if (r < 0)
                return r;

        worker_message_init(&message, WORKER_START_UNIT);
        message.unit.job_id = order->id;
        message.unit.event_id = order->event_id;
        message.unit.timeout_usec = order->timeout_usec;
        (void) text_copy(message.unit.template, sizeof(message.unit.template), order->template);
        (void) text_copy(message.unit.last_words, sizeof(message.unit.last_words), order->last_words ?: "");
        return worker_link_send(engine->link, &message, payload_fd);
}

/* The worst of its events would have to be looked for in their texts; the first one led to the job. */
static int job_message(const Job *job, char **ret_text) {
        char name[UNIT_NAME_SIZE], summary[EVENT_TEXT_SIZE] = "";
        const Message message = {
                .type = "start-unit",
                .id = job->id,
                .unit = unit_name_from_number(job->request.unit, job->id, name),
                .rule = job->report.rule_id,
                .summary = summary,
                .severity = health_event_severity(&job->event),
                .time_usec = clock_realtime_usec(),
                .count = job->n_events,
                .events = &job->events,
                .paths = &job->paths,
        };

        (void) text_append_format(summary, sizeof(summary), "%s, %" PRIu64 " event%s, rule %s",
                                  event_kind_to_name(job->event.kind), job->n_events, job->n_events == 1 ? "" : "s",
                                  job->report.rule_id);
        return message_text(&message, ret_text);
}

int engine_unit_for_job(Engine *engine, const Job *job) {
        _cleanup_(free_at) char *text = NULL;
        UnitOrder order = {
                .id = job->id,
                .event_id = job->event.id,
                .template = job->request.unit,
                .timeout_usec = job->request.timeout_usec,
        };
        int r;

        if (order.timeout_usec == USEC_INFINITY || order.timeout_usec == 0)
                order.timeout_usec = JOB_UNIT_TIMEOUT_USEC;
        r = job_message(job, &text);
        if (r < 0)
                return r;
        order.payload = (UnitPayload) {
                .data = { [UNIT_FILE_MESSAGE] = text, [UNIT_FILE_PATHS] = job->paths.bytes },
                .size_bytes = { [UNIT_FILE_MESSAGE] = strlen(text), [UNIT_FILE_PATHS] = job->paths.length },
        };
        return engine_start_unit(engine, &order);
}

void engine_unit_taken(Engine *engine, uint64_t id) {
        engine_worker_taken(engine, id);
}

bool engine_unit_ended(Engine *engine, const WorkerJobResult *result) {
        for (size_t i = 0; i < engine->n_observers; i++)
                if (engine->observers[i].on_unit_ended &&
                    engine->observers[i].on_unit_ended(engine->observers[i].userdata, result))
                        return true;
        return false;
}

uint64_t engine_new_number(Engine *engine) {
        return job_queue_new_number(engine->jobs);
}

void engine_set_route_failing(Engine *engine, Filesystem *filesystem, const char *route, const char *why) {
        char message[JOB_DETAIL_SIZE + 64] = "";

        if (!why) {
                engine_drop(engine, filesystem, CONDITION_ROUTE_FAILED, route);
                return;
        }
        (void) text_append_format(message, sizeof(message), "notifications do not get through: %s", why);
        engine_raise(engine, filesystem, CONDITION_ROUTE_FAILED, SEVERITY_ERROR, route, message, 0);
}
