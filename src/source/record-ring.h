/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was read from the monitors and is not decided yet, in memory that outlives the process: a memfd that systemd
 * keeps for us. The kernel gives each record once, so between read() and decision this is the only copy.
 *
 * Records are read straight into it (the landing), then every event of a record gets a slot of its own, and the slot
 * is given back when its event was decided and carried out. The mapping is written in an order in which a process
 * that is killed between any two stores leaves nothing lost and nothing counted twice. It cannot outlive the kernel
 * that it counts for, so it needs no mark of the boot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/basic/cleanup.h"
#include "src/model/health-event.h"

/* More than the engine keeps in mind at once (ENGINE_CASES_MAX, bursts, sequences): it drops, with a count, before this
 * is full. */
#define RECORD_RING_SLOTS 32768
/* As many as systemd keeps for us (FileDescriptorStoreMax=), but for the ring itself. */
#define RECORD_RING_MONITORS 4095
/* An event that was never decided in so many runs is what ends them. */
#define RECORD_RING_REPLAYS_MAX 3

typedef struct RecordRing RecordRing;

/* The account of one monitor, over all processes that read it. Lives in the ring; read only. */
typedef struct RingMonitor {
        uint64_t number;                /* 0: free; never used twice */
        uint64_t device_number;
        uint64_t n_records;             /* read, RUNNING, LOST and UNMOUNT included: compare with fdinfo's "events:" */
        uint64_t n_lost;                /* dropped by the kernel, each told on once: compare with fdinfo's "lost:" */
        uint64_t n_lost_by_records;     /* may lag behind n_lost, never the other way round */
        uint64_t survey_due;            /* SurveyDepth: what the kernel remembers is not all looked up and dealt with
                                         * yet */
} RingMonitor;

/* A new, empty one. */
int record_ring_new(RecordRing **ret_ring);
/**
 * record_ring_open() - go on with the one that an earlier process left
 * @fd: taken, also on failure
 *
 * Returns: 0; -EBADMSG if it is none; -EPROTONOSUPPORT if it is that of another version; or another negative errno.
 */
int record_ring_open(int fd, RecordRing **ret_ring);
RecordRing *record_ring_free(RecordRing *ring);
DEFINE_CLEANUP(RecordRing, record_ring_free)

int record_ring_fd(const RecordRing *ring);     /* borrowed */
size_t record_ring_count(const RecordRing *ring);       /* slots in use */

/* The account with this number, or a new one for it; 0: a new number. -ENOBUFS at the limit. */
int record_ring_add_monitor(RecordRing *ring, uint64_t number, dev_t device_number, RingMonitor **ret_monitor);
void record_ring_set_survey_due(RingMonitor *monitor, uint64_t depth);
/* Gives back its slots as well. */
void record_ring_remove_monitor(RecordRing *ring, RingMonitor *monitor);
/* Removes the accounts whose number is not in the list; returns how many events went with them. */
size_t record_ring_keep_only(RecordRing *ring, const uint64_t *numbers, size_t n_numbers);

/**
 * record_ring_read() - read records into the landing, without waiting
 * @size_bytes: as health_monitor_read(); less is read if less has room
 *
 * Returns: as health_monitor_read(); -ENOBUFS if there is no room: nothing was read, the kernel keeps them. What was
 * read has to be committed before the next read.
 */
ssize_t record_ring_read(RecordRing *ring, RingMonitor *monitor, int fd, size_t size_bytes);
/* Slots in the order of reading, of one process. Zeroed: empty. */
typedef struct RingQueue {
        uint32_t first, last;           /* slot + 1; 0: none */
} RingQueue;

/* Gives slots to what was read, accounts for it, and appends its events. */
void record_ring_commit(RecordRing *ring, RingQueue *queue);
/* Takes the first out of the queue; it keeps its slot. */
bool record_ring_next(RecordRing *ring, RingQueue *queue, HealthEvent *ret_event);
bool record_ring_queue_is_empty(const RingQueue *queue);
/* The record itself as the kernel gave it, 64 bytes, up to the next read: @n_bytes of the last read / 64. */
const uint8_t *record_ring_landing(const RecordRing *ring);

/* Accounts for losses that no record told of, as a record of the kernel's own kind; appends an event if there is
 * something left to tell. */
void record_ring_lose(RecordRing *ring, RingMonitor *monitor, uint64_t n_lost_total, RingQueue *queue);

/* Events carry their slot in kept_as; 0, or no ring, does nothing. */
void record_ring_hold(RecordRing *ring, uint64_t kept_as);      /* one more that has to give it back */
void record_ring_release(RecordRing *ring, uint64_t kept_as);
/* It was told and decided; if it comes back, then only because its action did not end. */
void record_ring_mark_told(RecordRing *ring, uint64_t kept_as);
/* @from is counted in @into from now on. */
void record_ring_absorb(RecordRing *ring, uint64_t into, uint64_t from);

/**
 * record_ring_replay() - what an earlier process left of this monitor, in the order of reading
 * @take: called for each; its received_boottime_usec is that of the first reading
 *
 * To be called once after record_ring_open(). Returns the number of events; *ret_n_given_up are those that were taken
 * too often and are gone now.
 */
size_t record_ring_replay(RecordRing *ring, const RingMonitor *monitor,
                          void (*take)(void *userdata, const HealthEvent *event), void *userdata,
                          size_t *ret_n_given_up);
