/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a rule is taken, as it was written: how often something has to happen (`when`), how long it has to last (`for`),
 * how long the rule rests afterwards (`cooldown`), how much it may do (`limits`). Durations are microseconds of a clock
 * that counts suspend.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/basic/macro.h"
#include "src/basic/names.h"
#include "src/model/event-facts.h"

/* What a count, a rest or a level belongs to. */
typedef enum EventPart {
        EVENT_PART_FS,
        EVENT_PART_STRUCTURE,
        EVENT_PART_GROUP,               /* allocation group or real-time group */
        EVENT_PART_INODE,
        EVENT_PART_UNIT,                /* of those who use the file system, or the file */
        EVENT_PART_LOCATION,            /* in the kernel's code */
} EventPart;
DECLARE_NAMES(event_part, EventPart)
#define N_EVENT_PARTS (EVENT_PART_LOCATION + 1)
#define EVENT_PART_BIT(part) (1u << (part))

typedef enum CountWeight {
        COUNT_REPORTS,                  /* one event that stands for ten reports counts ten */
        COUNT_EVENTS,
} CountWeight;
DECLARE_NAMES(count_weight, CountWeight)

typedef enum CooldownThen {
        COOLDOWN_STOP,                  /* a resting rule ends the search */
        COOLDOWN_NEXT,                  /* a resting rule is stepped over */
} CooldownThen;
DECLARE_NAMES(cooldown_then, CooldownThen)

#define WHEN_COUNT_MAX 100000
/* Each of the different ones is remembered. */
#define WHEN_DISTINCT_MAX 128
#define TIMING_MAX_USEC (365 * USEC_PER_DAY)
/* Of `expires` where it is not written. */
#define ACTION_EXPIRES_DEFAULT_USEC (30 * USEC_PER_DAY)
/* Of `again` where it is not written. */
#define RULE_AGAIN_DEFAULT_USEC (10 * USEC_PER_MINUTE)

typedef struct RuleWhen {
        uint64_t count;                 /* 0: the rule has no `when` */
        uint64_t within_usec;
        unsigned per;                   /* mask of EVENT_PART_BIT(); 0: all of the machine together */
        bool is_distinct;               /* counts different ones of @distinct, not how many */
        EventPart distinct;
        CountWeight weight;
} RuleWhen;

typedef struct RuleCooldown {
        uint64_t for_usec;              /* 0: the rule does not rest */
        unsigned per;
        CooldownThen then;
} RuleCooldown;

typedef struct RuleGather {
        uint64_t quiet_usec;            /* 0: the rule does not gather */
        uint64_t max_usec;
        unsigned per;
} RuleGather;

/* "30 per 1h" */
typedef struct ActionLimit {
        uint64_t count;                 /* with @within_usec 0: no limit */
        uint64_t within_usec;
} ActionLimit;

/* Nothing is done any more when so many file systems fail in so little time: then it is not them. */
typedef struct Brake {
        unsigned n_filesystems;         /* 0: there is none */
        uint64_t within_usec;
        uint64_t calm_usec;             /* until nothing failed for so long */
} Brake;
#define BRAKE_FILESYSTEMS_MAX 100

typedef struct RuleTiming {
        RuleWhen when;
        uint64_t lasting_usec;          /* `for`; 0: none */
        RuleCooldown cooldown;
        bool is_escalating;             /* the steps are those of `escalate`, not of `do` */
        uint64_t again_usec;            /* with is_escalating */
        RuleGather gather;
        ActionLimit actions;
        ActionLimit workloads;          /* units and containers that are failed or frozen */
} RuleTiming;

/* What a level of `escalate` belongs to, and what lasts: the damaged thing itself. */
#define EVENT_PARTS_OF_TARGET                                                                           \
        (EVENT_PART_BIT(EVENT_PART_FS) | EVENT_PART_BIT(EVENT_PART_STRUCTURE) |                         \
         EVENT_PART_BIT(EVENT_PART_GROUP) | EVENT_PART_BIT(EVENT_PART_INODE))

/* The longest of them: a UUID, a structure, an inode with its generation, a unit and a location of 63 bytes. */
#define EVENT_PARTS_TEXT_SIZE 260

/* Of more than one thing of a kind, the units that use it. None if nobody is known to. */
void event_units(const EventFacts *facts, WorkloadUnits *ret_units);

/**
 * event_parts_text() - what of an event counts as the same
 * @parts:       mask of EVENT_PART_BIT()
 * @must_have:   those of @parts without which there is no text; the others are left out where the event has none
 * @ret_text:    "fs=UUID structure=ag/finobt group=3": equal for equal things, over restarts and reboots; an unnamed
 *               file system is known by its device's number; of several units it is the first of event_units()
 *
 * Returns: 0; -ENODATA if the event lacks one of @must_have.
 */
int event_parts_text(const EventFacts *facts, unsigned parts, unsigned must_have,
                     char ret_text[static EVENT_PARTS_TEXT_SIZE]);
/* The same for one of several units; @unit "": it has none. */
int event_parts_text_of_unit(const EventFacts *facts, unsigned parts, unsigned must_have, const char *unit,
                             char ret_text[static EVENT_PARTS_TEXT_SIZE]);

/* "fs and group", "the whole machine"; returns @buffer. */
char *event_parts_names(unsigned parts, char buffer[static EVENT_PARTS_TEXT_SIZE]);
