/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a superblock is mounted, looked at by whoever is going to unmount it: what is mounted on it, and which of its
 * mounts in other namespaces go with ours. For child processes: nothing is opened but /proc.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RECYCLE_PROBLEM_SIZE 320

/* Mount points of one superblock in one namespace. */
typedef struct RecyclePlaces {
        char **points;                  /* in the kernel's order, each once */
        size_t n_points;
} RecyclePlaces;

void recycle_places_clear(RecyclePlaces *places);

/* One line of mountinfo, with what is needed to know what an unmount takes along. */
typedef struct TableMount {
        int id, parent_id;
        dev_t device_number;
        char *root, *point;
        unsigned shared, master;        /* peer groups; 0: none */
        bool has_no_recovery;           /* its log is not looked at when it is mounted */
} TableMount;

typedef struct TableOfMounts {
        TableMount *items;
        size_t n_items, n_allocated;
} TableOfMounts;

void table_of_mounts_clear(TableOfMounts *table);
/* A text of mountinfo, cut up in place. Returns 0 or -ENOMEM. */
int table_of_mounts_parse(char *mountinfo, TableOfMounts *ret_table);

/**
 * recycle_places_find() - where can it be unmounted and mounted again?
 * @reterr_problem: half a sentence, of RECYCLE_PROBLEM_SIZE bytes
 *
 * Returns: 0; -ENOENT if it is mounted nowhere; -EBUSY if something is mounted on it, or it is mounted twice on one
 * place; -EOPNOTSUPP if it is mounted without its log; or -ENOMEM.
 */
int recycle_places_find(const TableOfMounts *own, dev_t device_number, RecyclePlaces *ret_places,
                        char *reterr_problem);

/* A mount of it in another namespace that stays when ours are unmounted: its mount point there; NULL: none does.
 * Source: mount_namespaces(7), an unmount goes where the parent's peers and slaves are. */
const char *recycle_place_left(const TableOfMounts *own, const TableOfMounts *other, dev_t device_number);

/* Whether all processes of a namespace are going to end: asked with the path of each one's control group. */
typedef bool (*RecycleEnds)(const char *cgroup, void *userdata);

/**
 * recycle_places_read() - the same of this machine, with all its namespaces
 *
 * Returns: as recycle_places_find(); -EXDEV if it would stay mounted in the namespace of a process that does not end;
 * or another negative errno.
 */
int recycle_places_read(dev_t device_number, RecycleEnds ends, void *userdata, RecyclePlaces *ret_places,
                        char *reterr_problem);

/* 1 if it is mounted in any namespace, 0 if not, or a negative errno. */
int recycle_places_any(dev_t device_number);
