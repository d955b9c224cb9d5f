/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may call what: one table member -> polkit action, everything that is not in it is refused. polkit is
 * asked asynchronously; the call that waits for the answer is delivered again afterwards, so its handler reads the
 * arguments and looks its object up a second time before anything happens.
 *
 * Root needs no polkit (polkit would say yes, and on a sick machine it may not run). Without polkit nobody else
 * may do what is guarded.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "src/filesystem/filesystem.h"

/* Pending questions: all callers, one user, one connection of a caller. */
#define BUS_AUTHORIZE_PENDING_MAX 64
#define BUS_AUTHORIZE_PENDING_PER_USER_MAX 16
#define BUS_AUTHORIZE_PENDING_PER_SENDER_MAX 8

/* How long a person may think, and how long polkit may when nobody is asked. */
#define BUS_AUTHORIZE_INTERACTIVE_USEC (120 * USEC_PER_SEC)
#define BUS_AUTHORIZE_TIMEOUT_USEC (25 * USEC_PER_SEC)

#define BUS_UID_NONE UINT32_MAX

/* What a call would do, where one member can do several things. */
typedef enum BusVariant {
        BUS_VARIANT_PLAIN,
        BUS_VARIANT_CHECKS,             /* reads the file system */
        BUS_VARIANT_CHANGES,            /* changes it */
        BUS_VARIANT_REMOVABLE,          /* changes it, and it is removable or mounted by a user */
        BUS_VARIANT_OVERRIDE,           /* changes it in a way that is known to crash some kernels */
        BUS_VARIANT_WORKLOADS,          /* ends or stops programs */
        BUS_VARIANT_LONG,               /* for longer than a person keeps in mind */
} BusVariant;

/* One row: @action NULL for what is open to everybody. */
typedef struct BusGuard {
        const char *interface;
        const char *member;
        BusVariant variant;
        const char *action;
        const char *message;            /* what polkit shows; $(key) stands for a detail */
        bool is_destructive;            /* an answer must not be kept for the next call */
} BusGuard;

/* NULL if it is not in the table. */
const BusGuard *bus_guard_find(const char *interface, const char *member, BusVariant variant);
/* True if any row has this member. */
bool bus_guard_knows(const char *interface, const char *member);
/* All rows, for tests and documentation. */
const BusGuard *bus_guards(size_t *ret_n);

/* One thing that polkit's rules can look at; a NULL value is left out. */
typedef struct BusDetail {
        const char *key, *value;
} BusDetail;

typedef struct BusAuthorizeCall {
        BusVariant variant;
        const Filesystem *filesystem;   /* NULL: none */
        uint32_t owner_uid;             /* needs no permission: it is this user's own; BUS_UID_NONE: nobody's */
        const BusDetail *details;
        size_t n_details;
} BusAuthorizeCall;

typedef struct BusAuthorizer BusAuthorizer;

int bus_authorizer_new(sd_event *event, uint64_t interactive_usec, uint64_t timeout_usec,
                       BusAuthorizer **ret_authorizer);
BusAuthorizer *bus_authorizer_free(BusAuthorizer *authorizer);
DEFINE_CLEANUP(BusAuthorizer, bus_authorizer_free)

/* Refuses what the table does not know before any handler sees it. Call once for every connection. */
int bus_authorizer_attach(BusAuthorizer *authorizer, sd_bus *bus);
/* The connection is gone, and with it everybody who waited. */
void bus_authorizer_drop_all(BusAuthorizer *authorizer);
size_t bus_authorizer_n_pending(const BusAuthorizer *authorizer);

/**
 * bus_authorize() - may the sender of this call do it?
 * @call:    borrowed for the call
 * @ret_uid: who asks, BUS_UID_NONE for members that are open to everybody; written if 1 is returned
 *
 * Returns: 1 yes; 0 somebody has to be asked, the handler must return 1 and is called again; a negative errno: no,
 * @error is set. What is refused after asking is answered from here.
 */
int bus_authorize(BusAuthorizer *authorizer, sd_bus_message *message, const BusAuthorizeCall *call, uint32_t *ret_uid,
                  sd_bus_error *error);
