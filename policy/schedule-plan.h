/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a schedule is due for one file system, and what has to be remembered for that. Pure: the moment is an argument,
 * on both clocks.
 *
 * The calendar is that of the clock on the wall, which may be set. Set ahead, it makes due what lies in between, once.
 * Set back, it shows times for the second time: what was checked a short while ago counts for them, so that nothing is
 * done twice; and nothing waits for a clock that was wrong to come to the same time again.
 */
#pragma once

#include "policy/rule-source.h"
#include "src/model/filesystem-facts.h"

typedef struct ScheduleMemory {
        uint64_t handled_usec;          /* wall clock: what the calendar says up to here is seen to */
        uint64_t ended_usec;            /* wall clock: the last check that came to its end; 0: none has */
        uint64_t rest_usec;             /* half of the time that lay between two of them then */
        uint64_t n_tries;               /* of what is due: begun, and not come to an end */
        uint64_t was_set_back;          /* the clock, since then; 0 or 1 */
        uint64_t ended_boottime_usec;   /* the same moment as @ended_usec in this run; 0: of an earlier one. Not kept */
} ScheduleMemory;

typedef struct ScheduleClock {
        uint64_t realtime_usec, boottime_usec;
        const Zone *zone;
        uint64_t offset_usec;           /* how much later than the calendar says, see schedule_offset_usec() */
} ScheduleClock;

/**
 * schedule_due_usec() - when is it due?
 * @memory:      of which what the clock cannot have shown yet is corrected
 * @others_usec: when a full check ended that somebody else began (wall clock, not later than now); 0: none has. It
 *               counts for the first time that is not seen to
 *
 * Returns: wall clock, also in the past; USEC_INFINITY: never.
 */
uint64_t schedule_due_usec(const CalendarMoments *at, ScheduleMemory *memory, const ScheduleClock *clock,
                           uint64_t others_usec);

/* What is due is seen to: nothing comes up to now. @has_ended: by a check that came to its end. */
void schedule_note_handled(const CalendarMoments *at, ScheduleMemory *memory, const ScheduleClock *clock,
                           bool has_ended);

/* Below @spread_usec, and always the same for the same machine, file system and schedule. */
uint64_t schedule_offset_usec(uint64_t spread_usec, const uint8_t machine_id[static UUID_SIZE],
                              const uint8_t uuid[static UUID_SIZE], const char *id);

/* How it is kept: "schedule/UUID/ID". */
#define SCHEDULE_KEY_PREFIX "schedule/"
#define SCHEDULE_KEY_SIZE (sizeof(SCHEDULE_KEY_PREFIX) + UUID_TEXT_SIZE + RULE_ID_SIZE)
#define SCHEDULE_VALUE_SIZE 160

char *schedule_key(const uint8_t uuid[static UUID_SIZE], const char *id, char buffer[static SCHEDULE_KEY_SIZE]);
/* One line of numbers, not terminated. Returns its size. */
size_t schedule_value(const ScheduleMemory *memory, char buffer[static SCHEDULE_VALUE_SIZE]);
/* Returns: 0; -EPROTONOSUPPORT for a value of another version; -EBADMSG for anything else that the two above do not
 * make. */
int schedule_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                  char ret_id[static RULE_ID_SIZE], ScheduleMemory *ret_memory);
