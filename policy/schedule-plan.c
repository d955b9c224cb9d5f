/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "1 HANDLED ENDED REST TRIES SET-BACK"
 */
#include "policy/schedule-plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/number.h"
#include "src/basic/text.h"

#define VALUE_VERSION 1

/* What was written while the clock was wrong would be believed until it comes there again. */
static void cap(ScheduleMemory *memory, const ScheduleClock *clock) {
        if (memory->handled_usec > clock->realtime_usec) {
                memory->handled_usec = clock->realtime_usec;
                memory->was_set_back = true;
        }
        memory->ended_usec = min_of(memory->ended_usec, clock->realtime_usec);
}

static uint64_t since_end_usec(const ScheduleMemory *memory, const ScheduleClock *clock) {
        return memory->ended_boottime_usec > 0 ? clock->boottime_usec - memory->ended_boottime_usec
                                               : clock->realtime_usec - memory->ended_usec;
}

/* The first time of the calendar that a check some hours ago does not count for, after the clock was set back. One that
 * it counts for is seen to when it comes. */
static uint64_t pass_over(const CalendarMoments *at, ScheduleMemory *memory, const ScheduleClock *clock,
                          uint64_t base_usec) {
        uint64_t since_usec = since_end_usec(memory, clock), earliest_usec;

        if (!memory->was_set_back || memory->ended_usec == 0 || since_usec >= memory->rest_usec)
                return base_usec;
        earliest_usec = clock->realtime_usec + memory->rest_usec - since_usec - clock->offset_usec;
        if (base_usec >= earliest_usec)
                return base_usec;
        if (base_usec + clock->offset_usec <= clock->realtime_usec)
                memory->handled_usec = clock->realtime_usec - clock->offset_usec;
        return calendar_next(at, clock->zone, earliest_usec);
}

uint64_t schedule_due_usec(const CalendarMoments *at, ScheduleMemory *memory, const ScheduleClock *clock,
                           uint64_t others_usec) {
        uint64_t base_usec;

        cap(memory, clock);
        base_usec = calendar_next(at, clock->zone, memory->handled_usec);
        /* Behind the time for which it counts: all that was due until it ended, or else the next one. */
        if (others_usec > memory->handled_usec && base_usec != USEC_INFINITY)
                base_usec = calendar_next(at, clock->zone, max_of(base_usec, others_usec));
        if (base_usec != USEC_INFINITY)
                base_usec = pass_over(at, memory, clock, base_usec);
        return base_usec == USEC_INFINITY ? base_usec : base_usec + clock->offset_usec;
}

void schedule_note_handled(const CalendarMoments *at, ScheduleMemory *memory, const ScheduleClock *clock,
                           bool has_ended) {
        uint64_t next_usec;

        memory->n_tries = 0;
        memory->handled_usec = clock->realtime_usec;
        if (!has_ended) {
                /* What the calendar says now is still to come. */
                memory->handled_usec -= min_of(clock->offset_usec, clock->realtime_usec);
                return;
        }
        memory->was_set_back = false;
        memory->ended_usec = clock->realtime_usec;
        memory->ended_boottime_usec = clock->boottime_usec;
        next_usec = calendar_next(at, clock->zone, memory->handled_usec);
        memory->rest_usec = next_usec == USEC_INFINITY ? 0 : (next_usec - memory->handled_usec) / 2;
}

/* 64-bit FNV-1a, and its bits mixed: what differs at the end differs in all of them. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length) {
        for (const uint8_t *c = bytes; length > 0; c++, length--)
                hash = (hash ^ *c) * UINT64_C(0x100000001b3);
        return hash;
}

static uint64_t mix(uint64_t hash) {
        hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
        hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
        return hash ^ hash >> 33;
}

uint64_t schedule_offset_usec(uint64_t spread_usec, const uint8_t machine_id[static UUID_SIZE],
                              const uint8_t uuid[static UUID_SIZE], const char *id) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        if (spread_usec == 0)
                return 0;
        hash = hash_bytes(hash, machine_id, UUID_SIZE);
        hash = hash_bytes(hash, uuid, UUID_SIZE);
        hash = hash_bytes(hash, id, strlen(id));
        return mix(hash) % spread_usec;
}

static const size_t numbers[] = {
        offsetof(ScheduleMemory, handled_usec),
        offsetof(ScheduleMemory, ended_usec),
        offsetof(ScheduleMemory, rest_usec),
        offsetof(ScheduleMemory, n_tries),
        offsetof(ScheduleMemory, was_set_back),
};

static uint64_t *number_at(ScheduleMemory *memory, size_t i) {
        return (uint64_t *) ((char *) memory + numbers[i]);
}

char *schedule_key(const uint8_t uuid[static UUID_SIZE], const char *id, char buffer[static SCHEDULE_KEY_SIZE]) {
        char text[UUID_TEXT_SIZE];

        buffer[0] = 0;
        (void) text_append_format(buffer, SCHEDULE_KEY_SIZE, SCHEDULE_KEY_PREFIX "%s/%s", uuid_format(uuid, text), id);
        return buffer;
}

size_t schedule_value(const ScheduleMemory *memory, char buffer[static SCHEDULE_VALUE_SIZE]) {
        ScheduleMemory copy = *memory;

        buffer[0] = 0;
        (void) text_append_format(buffer, SCHEDULE_VALUE_SIZE, "%d", VALUE_VERSION);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                (void) text_append_format(buffer, SCHEDULE_VALUE_SIZE, " %" PRIu64, *number_at(&copy, i));
        return strlen(buffer);
}

static int read_key(const char *key, uint8_t ret_uuid[static UUID_SIZE], char ret_id[static RULE_ID_SIZE]) {
        char uuid[UUID_TEXT_SIZE];
        const char *id;

        if (!text_starts_with(key, SCHEDULE_KEY_PREFIX))
                return -EBADMSG;
        key += strlen(SCHEDULE_KEY_PREFIX);
        if (strlen(key) <= UUID_TEXT_SIZE || key[UUID_TEXT_SIZE - 1] != '/')
                return -EBADMSG;
        memcpy(uuid, key, UUID_TEXT_SIZE - 1);
        uuid[UUID_TEXT_SIZE - 1] = 0;
        id = key + UUID_TEXT_SIZE;
        return uuid_parse(uuid, ret_uuid) < 0 || text_copy(ret_id, RULE_ID_SIZE, id) < 0 ? -EBADMSG : 0;
}

int schedule_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                  char ret_id[static RULE_ID_SIZE], ScheduleMemory *ret_memory) {
        char line[SCHEDULE_VALUE_SIZE], *rest = line, *word;
        ScheduleMemory memory = {};
        uint64_t version;

        if (size_bytes >= sizeof(line) || memchr(value, 0, size_bytes) || read_key(key, ret_uuid, ret_id) < 0)
                return -EBADMSG;
        memcpy(line, value, size_bytes);
        line[size_bytes] = 0;

        word = strsep(&rest, " ");
        if (number_parse_u64(word, 0, UINT64_MAX, &version) < 0)
                return -EBADMSG;
        if (version != VALUE_VERSION)
                return -EPROTONOSUPPORT;
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                word = rest ? strsep(&rest, " ") : NULL;
                if (!word || number_parse_u64(word, 0, INT64_MAX, number_at(&memory, i)) < 0)
                        return -EBADMSG;
        }
        if (rest || memory.was_set_back > 1)
                return -EBADMSG;

        *ret_memory = memory;
        return 0;
}
