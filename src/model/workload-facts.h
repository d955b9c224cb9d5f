/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a file system, or a file, as rules see it: each unit, container and user once. Made of what the worker tells
 * of processes (src/engine/engine-workloads.c), or of what somebody has written down (policy/event-example.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/model/filesystem-facts.h"
#include "src/model/workload.h"

/* Of more the rest is only known to be there. */
#define WORKLOAD_FACTS_MAX 256
#define WORKLOAD_CGROUP_SIZE 512
#define WORKLOAD_ACCOUNT_SIZE 64

typedef struct WorkloadFact {
        Workload workload;              /* unit, slice, container and pod; "" where there is none */
        char cgroup[WORKLOAD_CGROUP_SIZE];      /* from the root of the hierarchy; "": not known */
        FactState user_state;           /* whose processes they are; never FACT_ABSENT */
        uint32_t user;                  /* number */
        FactState account_state;        /* absent: nobody has this number */
        char account[WORKLOAD_ACCOUNT_SIZE];    /* its name */
} WorkloadFact;

/* What match keys look at. */
typedef enum WorkloadText {
        WORKLOAD_TEXT_UNIT,
        WORKLOAD_TEXT_SLICE,
        WORKLOAD_TEXT_CGROUP,
        WORKLOAD_TEXT_CONTAINER,
        WORKLOAD_TEXT_POD,
        WORKLOAD_TEXT_ACCOUNT,
} WorkloadText;
#define N_WORKLOAD_TEXTS (WORKLOAD_TEXT_ACCOUNT + 1)

/* Texts that differ, in the order in which they came. */
typedef struct WorkloadTexts {
        const char **items;             /* borrowed from the facts */
        size_t n_items;
        bool is_partial;                /* there may be others */
} WorkloadTexts;

/* Starts as `WorkloadFacts facts = {};`, is added to, and then settled once. */
typedef struct WorkloadFacts {
        WorkloadFact *items;
        size_t n_items, n_allocated;
        bool is_partial;                /* there may be others that were not looked at, or had no room */
        WorkloadTexts texts[N_WORKLOAD_TEXTS];
        uint64_t *users;                /* numbers that differ */
        size_t n_users;
        bool are_users_partial;
} WorkloadFacts;

/* Adds one; equal ones are one. Returns 0, also if there is no room for it, which is noted; or -ENOMEM. */
int workload_facts_add(WorkloadFacts *facts, const WorkloadFact *fact);
/* After the last one: makes the lists. Returns 0 or -ENOMEM. */
int workload_facts_settle(WorkloadFacts *facts);
void workload_facts_clear(WorkloadFacts *facts);

/* Units that one event counts for; of more the first ones do. */
#define WORKLOAD_UNITS_MAX 16
#define WORKLOAD_UNIT_KEY_SIZE 80

/* Whom counts and rests of a policy are told apart by (`per: unit`). */
typedef struct WorkloadUnits {
        size_t n_items;
        size_t n_left_out;              /* that are there as well, and do not count */
        char items[WORKLOAD_UNITS_MAX][WORKLOAD_UNIT_KEY_SIZE];
} WorkloadUnits;

/**
 * workload_facts_units() - the different units, in bytewise order of their names
 * @ret_units: "unit=db.service"; "container=c0ffee" of a container that has no unit; what is long, or is not plain
 *             ASCII, is cut and has a hash of the whole behind it. Who has neither is left out.
 */
void workload_facts_units(const WorkloadFacts *facts, WorkloadUnits *ret_units);
