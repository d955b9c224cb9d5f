/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects are made by jansson; a message is put together of their texts, so that many of them are kept as what they
 * will be sent as and nothing is made twice.
 */

#include "src/message/message.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* How much of each text an object holds. JSON doubles the backslashes of what had to be escaped. */
typedef struct TextLimits {
        size_t path, text, name;
} TextLimits;

static const TextLimits limits[] = {
        { 2048, EVENT_TEXT_SIZE, 256 },
        { 384, 256, 96 },
};
#define TEXT_MAX 2048

static void json_decref_at(json_t **value) {
        json_decref(*value);
        *value = NULL;
}

/* Absent or empty texts have no key. */
static void set_text(json_t *object, const char *key, const char *bytes, size_t limit) {
        char text[TEXT_MAX + 1] = "";

        if (!bytes || !*bytes)
                return;
        if (text_append_escaped(text, min_of(limit, sizeof(text) - 4), bytes, strlen(bytes)) < 0)
                (void) text_append_format(text, sizeof(text), "...");
        (void) json_object_set_new(object, key, json_string(text));
}

/* Words of ours, which need no look. */
static void set_word(json_t *object, const char *key, const char *word) {
        if (word && *word)
                (void) json_object_set_new(object, key, json_string(word));
}

static void set_number(json_t *object, const char *key, uint64_t value) {
        (void) json_object_set_new(object, key, json_integer((json_int_t) value));
}

static void set_known_number(json_t *object, const char *key, uint64_t value) {
        if (value != 0)
                set_number(object, key, value);
}

static void set_true(json_t *object, const char *key, bool value) {
        if (value)
                (void) json_object_set_new(object, key, json_true());
}

static json_t *filesystem_object(const FilesystemFacts *facts, const TextLimits *limit) {
        json_t *object = json_object();
        char uuid[UUID_TEXT_SIZE], number[32];

        if (facts->uuid_state == FACT_KNOWN)
                set_word(object, "uuid", uuid_format(facts->uuid, uuid));
        set_text(object, "type", facts->type, limit->name);
        set_text(object, "mount", facts->n_mounts > 0 ? facts->mounts[0] : facts->last_mount, limit->path);
        set_text(object, "device", facts->device, limit->name);
        (void) snprintf(number, sizeof(number), "%u:%u", major(facts->device_number), minor(facts->device_number));
        set_word(object, "device_number", number);
        if (facts->label_state == FACT_KNOWN)
                set_text(object, "label", facts->label, limit->name);
        return object;
}

static void set_place(json_t *object, const HealthEvent *event) {
        set_word(object, "domain", event_domain_to_name(event->domain));
        set_word(object, "structure", structure_to_name(event->structure));
        if (event->domain == DOMAIN_AG || event->domain == DOMAIN_RTGROUP)
                set_number(object, "group", event->group);
        if (event->inode != 0) {
                set_number(object, "inode", event->inode);
                set_number(object, "generation", event->generation);
        }
        if (event->length_bytes > 0) {
                set_number(object, "position", event->position_bytes);
                set_number(object, "length", event->length_bytes);
        }
        if (event->device_block_count > 0) {
                set_number(object, "device_block", event->device_block);
                set_number(object, "device_blocks", event->device_block_count);
        }
}

static void set_shutdown_reasons(json_t *object, uint32_t reasons) {
        json_t *list;

        if (reasons == 0)
                return;
        list = json_array();
        for (unsigned i = 0; i < N_SHUTDOWN_REASONS; i++)
                if (reasons & (UINT32_C(1) << i))
                        (void) json_array_append_new(list, json_string(shutdown_reason_to_name(UINT32_C(1) << i)));
        (void) json_object_set_new(object, "shutdown_reasons", list);
}

static json_t *event_object(const HealthEvent *event, Severity severity, const FilesystemFacts *filesystem,
                            const char *path, const char *rule, const TextLimits *limit) {
        const char *mount = filesystem && filesystem->n_mounts > 0 ? filesystem->mounts[0] : "";
        char text[EVENT_TEXT_SIZE], number[32];
        json_t *object = json_object();
        const char *below = NULL;

        /* The line begins with the mount point already. */
        if (path && text_starts_with(path, text_equal(mount, "/") ? "" : mount))
                below = path + (text_equal(mount, "/") ? 0 : strlen(mount));
        set_number(object, "id", event->id);
        set_known_number(object, "cause", event->cause_id);
        set_word(object, "kind", event_kind_to_name(event->kind));
        set_word(object, "severity", severity_to_name(severity));
        set_place(object, event);
        if (event->error != 0) {
                set_word(object, "errno", errno_to_name(event->error));
                set_number(object, "error", (uint64_t) event->error);
        }
        set_shutdown_reasons(object, event->shutdown_reasons);
        set_text(object, "location", event->location, limit->name);
        set_number(object, "count", event->count);
        set_number(object, "time_usec", event->time_realtime_nsec / NSEC_PER_USEC);
        set_text(object, "path", path, limit->path);
        set_text(object, "text",
                 health_event_text(event, filesystem ? filesystem_facts_subject(filesystem, number) : "(gone)", below,
                                   text), limit->text);
        set_word(object, "rule", rule);
        set_true(object, "repeated", event->is_repeated);
        set_true(object, "test", event->is_test);
        if (filesystem)
                (void) json_object_set_new(object, "filesystem", filesystem_object(filesystem, limit));
        return object;
}

/* Takes @object. */
static int dump(json_t *object, char **ret_text) {
        _cleanup_(json_decref_at) json_t *taken = object;
        char *text = taken ? json_dumps(taken, JSON_COMPACT) : NULL;

        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

int message_event(const HealthEvent *event, Severity severity, const FilesystemFacts *filesystem, const char *path,
                  const char *rule, char **ret_text) {
        for (size_t i = 0;; i++) {
                _cleanup_(free_at) char *text = NULL;
                int r = dump(event_object(event, severity, filesystem, path, rule, limits + i), &text);

                if (r < 0)
                        return r;
                if (strlen(text) > MESSAGE_OBJECT_MAX && i + 1 < ELEMENTSOF(limits))
                        continue;
                *ret_text = steal_ptr(text);
                return 0;
        }
}

int message_condition(const MessageCondition *condition, const FilesystemFacts *filesystem, char **ret_text) {
        for (size_t i = 0;; i++) {
                _cleanup_(free_at) char *text = NULL;
                json_t *object = json_object();
                int r;

                set_word(object, "code", condition->code);
                set_word(object, "state", condition->state);
                set_word(object, "severity", severity_to_name(condition->severity));
                set_text(object, "target", condition->target, limits[i].name);
                set_text(object, "message", condition->message, limits[i].text);
                set_known_number(object, "since_usec", condition->since_usec);
                set_known_number(object, "event", condition->event_id);
                if (filesystem)
                        (void) json_object_set_new(object, "filesystem", filesystem_object(filesystem, limits + i));
                r = dump(object, &text);
                if (r < 0)
                        return r;
                if (strlen(text) > MESSAGE_OBJECT_MAX && i + 1 < ELEMENTSOF(limits))
                        continue;
                *ret_text = steal_ptr(text);
                return 0;
        }
}

int message_workload(const WorkloadReport *report, char **ret_text) {
        const Workload *workload = &report->workload;
        json_t *object = json_object();

        set_word(object, "kind", user_kind_to_name(report->kind));
        (void) json_object_set_new(object, "taken", json_boolean(report->is_taken));
        set_text(object, "unit", workload->unit, UNIT_NAME_SIZE);
        set_text(object, "slice", workload->slice, UNIT_NAME_SIZE);
        set_text(object, "container", workload->container, WORKLOAD_CONTAINER_SIZE);
        if (workload->runtime != RUNTIME_NONE)
                set_word(object, "runtime", container_runtime_to_name(workload->runtime));
        set_text(object, "pod", workload->pod, WORKLOAD_POD_SIZE);
        set_text(object, "name", report->name, USER_NAME_SIZE);
        set_number(object, "processes", report->n_processes);
        if (report->has_fate)
                set_word(object, "fate", workload_fate_to_name(report->fate));
        set_text(object, "why", report->why, WORKLOAD_REPORT_WHY_SIZE);
        return dump(object, ret_text);
}

void message_list_clear(MessageList *list) {
        free(list->text);
        *list = (MessageList) {};
}

int message_list_add(MessageList *list, const char *object, size_t max_bytes, size_t max_objects) {
        size_t length = strlen(object), needed = list->length + length + 2;
        char *text;

        if (list->n >= max_objects || needed > max_bytes) {
                list->n_omitted++;
                return 0;
        }
        text = realloc(list->text, needed);
        if (!text) {
                list->n_omitted++;
                return -ENOMEM;
        }

        list->text = text;
        if (list->n++ > 0)
                text[list->length++] = ',';
        memcpy(text + list->length, object, length + 1);
        list->length += length;
        return 1;
}

/* 64-bit FNV-1a. Two files whose names meet in it would have to be made for it; the bytes are compared then. */
static uint64_t path_hash(const char *path) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (; *path; path++)
                hash = (hash ^ (unsigned char) *path) * UINT64_C(0x100000001b3);
        return hash;
}

static const char *path_at(const PathList *list, size_t i) {
        const char *path = list->bytes;

        while (i-- > 0)
                path += strlen(path) + 1;
        return path;
}

static bool path_is_known(const PathList *list, const char *path, uint64_t hash) {
        for (size_t i = 0; i < list->n; i++)
                if (list->hashes[i] == hash && text_equal(path_at(list, i), path))
                        return true;
        return false;
}

void path_list_clear(PathList *list) {
        free(list->bytes);
        free(list->hashes);
        *list = (PathList) {};
}

int path_list_add(PathList *list, const char *path, size_t max_bytes) {
        size_t size_bytes = strlen(path) + 1;
        uint64_t hash = path_hash(path), *hashes;
        char *bytes;

        if (path_is_known(list, path, hash))
                return 0;
        if (size_bytes > max_bytes || list->length > max_bytes - size_bytes) {
                list->n_omitted++;
                return 0;
        }

        hashes = reallocarray(list->hashes, list->n + 1, sizeof(*hashes));
        if (hashes)
                list->hashes = hashes;
        bytes = realloc(list->bytes, list->length + size_bytes);
        if (bytes)
                list->bytes = bytes;
        if (!hashes || !bytes) {
                list->n_omitted++;
                return -ENOMEM;
        }
        hashes[list->n++] = hash;
        memcpy(bytes + list->length, path, size_bytes);
        list->length += size_bytes;
        return 1;
}

static json_t *head_object(const Message *message) {
        json_t *object = json_object();
        time_t seconds = (time_t) (message->time_usec / USEC_PER_SEC);
        char host[256] = "", when[32];
        struct tm parts;

        set_number(object, "schema", MESSAGE_SCHEMA);
        set_word(object, "type", message->type);
        set_number(object, "id", message->id);
        set_word(object, "unit", message->unit);
        set_word(object, "rule", message->rule);
        set_word(object, "route", message->route);
        set_word(object, "status", message->status);
        set_word(object, "reason", message->reason);
        set_word(object, "severity", severity_to_name(message->severity));
        if (gethostname(host, sizeof(host) - 1) == 0)
                set_text(object, "host", host, sizeof(host));
        set_number(object, "time_usec", message->time_usec);
        if (gmtime_r(&seconds, &parts) && strftime(when, sizeof(when), "%FT%TZ", &parts) > 0)
                set_word(object, "time", when);
        set_text(object, "summary", message->summary, TEXT_MAX);
        set_number(object, "count", message->count);
        set_number(object, "omitted", (message->events ? message->events->n_omitted : 0) +
                                      (message->conditions ? message->conditions->n_omitted : 0));
        set_word(object, "action", message->action);
        set_known_number(object, "job", message->job_id);
        set_known_number(object, "deadline_usec", message->deadline_usec);
        if (message->filesystem)
                (void) json_object_set_new(object, "filesystem", filesystem_object(message->filesystem, limits));
        if (message->workloads) {
                set_number(object, "taken", message->n_taken);
                set_number(object, "workloads_omitted", message->workloads->n_omitted);
        }
        set_number(object, "paths", message->paths ? message->paths->n : 0);
        set_number(object, "paths_omitted", message->paths ? message->paths->n_omitted : 0);
        return object;
}

int message_text(const Message *message, char **ret_text) {
        _cleanup_(free_at) char *head = NULL;
        char *text = NULL;
        int r;

        r = dump(head_object(message), &head);
        if (r < 0)
                return r;

        /* The lists go before the brace that ends the head. */
        head[strlen(head) - 1] = '\0';
        if (asprintf(&text, "%s,\"events\":[%s],\"conditions\":[%s]%s%s%s}\n", head,
                     message->events && message->events->text ? message->events->text : "",
                     message->conditions && message->conditions->text ? message->conditions->text : "",
                     message->workloads ? ",\"workloads\":[" : "",
                     message->workloads && message->workloads->text ? message->workloads->text : "",
                     message->workloads ? "]" : "") < 0)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}
