/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thing that happened to one file system, as a plain value: made by kernel/ and src/source/,
 * numbered by src/engine/, read by everything after it.
 *
 * An event names at most one structure: a kernel record with several bits becomes several events, so
 * that rules, protection, jobs and conditions never speak of half a set.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/model/vocabulary.h"

#define HEALTH_RECORD_SIZE 64
#define EVENT_LOCATION_SIZE 64

typedef struct HealthEvent {
        uint64_t id;                    /* 0 until the engine took it in; unique for ever on a machine */
        uint64_t cause_id;              /* for results: the event that led to the action; else 0 */
        uint64_t filesystem_id;         /* the daemon's number for the file system, never reused in a run */
        EventSource source;
        EventKind kind;
        EventDomain domain;
        Structure structure;
        uint32_t unknown_bits;          /* with STRUCTURE_UNRECOGNISED */
        uint64_t time_realtime_nsec;    /* the kernel's wall clock when it was queued; can jump */
        uint64_t received_boottime_usec;
        uint64_t count;                 /* reports merged into this event, at least 1; for EVENT_EVENTS_LOST the number
                                         * lost */
        uint32_t group;                 /* DOMAIN_AG, DOMAIN_RTGROUP: number */
        uint64_t inode;                 /* DOMAIN_INODE, DOMAIN_FILERANGE */
        uint32_t generation;            /* 0: the kernel could not read the inode's core */
        uint32_t shutdown_reasons;
        uint64_t device_block;          /* media errors, 512-byte units */
        uint64_t device_block_count;
        uint64_t position_bytes;        /* DOMAIN_FILERANGE; merged reports: the hull */
        uint64_t length_bytes;
        int error;                      /* positive errno, 0 for none */
        IoPath io_path;
        bool is_test;                   /* injected by an administrator */
        bool is_repeated;               /* an earlier healerd told it already, and ended before its action did */
        char location[EVENT_LOCATION_SIZE];     /* where in the kernel's code it was found, "ext4_find_entry:1594"; "":
                                                 * not told */
        uint32_t raw_domain;            /* as the kernel gave them, for what is unrecognised */
        uint32_t raw_type;
        uint64_t kept_as;               /* where a copy stands that outlives the process until it is decided; 0:
                                         * nowhere */
        uint8_t raw[HEALTH_RECORD_SIZE];        /* the record itself; zero for events of our own */
} HealthEvent;

/* True if @later tells the same fact as @earlier again, so that it may be counted instead of kept:
 * same source, file system, kind, domain, structure, target, errno, reasons, way of reading or writing, location,
 * cause; ranges of read and write errors of one file may differ, those of media errors and lost data have to touch. The
 * beginning and the end of watching are never merged. */
bool health_event_may_merge(const HealthEvent *earlier, const HealthEvent *later);

/* Adds @later's count to @earlier and widens its range. */
void health_event_merge(HealthEvent *earlier, const HealthEvent *later);

/* A structure of which the device cannot read a part: it is to be rebuilt elsewhere, even if the kernel, which may know
 * it by heart, finds it good. */
bool health_event_is_unreadable(const HealthEvent *event);

/* Its kind's severity, nothing else: what is worse on one machine than on another is the policy's to say. */
Severity health_event_severity(const HealthEvent *event);

#define EVENT_TEXT_SIZE 1024

/**
 * health_event_text() - the one-line text, in the grammar of upstream's program
 * @subject: what stands first, a mount point or a device; borrowed
 * @path:    path of the inode below @subject (a mount point then) if known, "/dir/file"; else NULL; borrowed
 *
 * "/srv agno 0x0 finobt: sick", "/srv ino 133 gen 0x5 pos 0 len 4096: directio_read: Input/output error".
 * Merged events get " (N reports)", a known place in the kernel's code " at FUNCTION:LINE". Bytes that do not belong on
 * a terminal are escaped, a path that does not fit is cut ("..."). Returns @buffer.
 */
char *health_event_text(const HealthEvent *event, const char *subject, const char *path,
                        char buffer[static EVENT_TEXT_SIZE]);

/**
 * health_record_text() - the same for all events of one record of the kernel
 * @events: at least one; they differ in their structures alone
 *
 * "/srv agno 0x0 bnobt, cntbt: sick".
 */
char *health_record_text(const HealthEvent *events, size_t n_events, const char *subject, const char *path,
                         char buffer[static EVENT_TEXT_SIZE]);

/* The same with what became of the event instead of what it says: "/srv agno 0x0 finobt: Repairs successful." */
char *health_event_answer_text(const HealthEvent *event, const char *subject, const char *path, const char *answer,
                               char buffer[static EVENT_TEXT_SIZE]);

/* The part between the mount point and the colon: "agno 0x0 finobt"; "" if the event has none. */
char *health_event_target_text(const HealthEvent *event, char buffer[static EVENT_TEXT_SIZE]);

/**
 * health_event_read_target() - the way back, for one metadata structure
 * @ret_event: its domain, structure and target are set, the rest is left as it is
 *
 * Pure. Returns: 0; -EINVAL for a text that health_event_target_text() does not make of a known structure.
 */
int health_event_read_target(const char *text, HealthEvent *ret_event);
