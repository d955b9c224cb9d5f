/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of bus-authorize.h: every member of our interfaces, and what it takes to call it. A test keeps it
 * equal to dbus/org.xfs.Healer.xml and to the polkit file.
 */
#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/bus/bus-authorize.h"
#include "src/bus/bus-names.h"

#define MANAGER BUS_INTERFACE_MANAGER
#define FILESYSTEM BUS_INTERFACE_FILESYSTEM
#define JOB BUS_INTERFACE_JOB

#define MESSAGE_RELOAD N_("Authentication is required to load the policy for damaged file systems again")
#define MESSAGE_RESUME N_("Authentication is required to let damaged file systems be worked on again")
#define MESSAGE_PAUSE N_("Authentication is required to let nothing be done to damaged file systems for a while")
#define MESSAGE_PAUSE_ONE \
        N_("Authentication is required to let nothing be done to the file system $(fs.name) for a while")
#define MESSAGE_RESUME_ONE N_("Authentication is required to let the file system $(fs.name) be worked on again")
#define MESSAGE_SILENCE N_("Authentication is required to let nobody be told of $(match) for a while")
#define MESSAGE_UNSILENCE N_("Authentication is required to end a silence that another user wants")
#define MESSAGE_TEST N_("Authentication is required to try out what is told of an event of the file system $(fs.name)")
#define MESSAGE_READ N_("Authentication is required to read what happened to the file systems of this machine")
#define MESSAGE_TRY N_("Authentication is required to have a policy for damaged file systems checked")
#define MESSAGE_EXPLAIN \
        N_("Authentication is required to see what would be done about damaged file systems of this machine")
#define MESSAGE_USERS N_("Authentication is required to see who uses the file system $(fs.name)")
#define MESSAGE_REPAIR N_("Authentication is required to repair the file system $(fs.name)")
#define MESSAGE_HARMFUL \
        N_("Authentication is required to repair the file system $(fs.name) in a way that crashes some kernels")
#define MESSAGE_CHECK N_("Authentication is required to check the file system $(fs.name)")
#define MESSAGE_VERIFY N_("Authentication is required to read all of the file system $(fs.name)")
#define MESSAGE_PLAN N_("Authentication is required to see who would be ended if the file system $(fs.name) failed")
#define MESSAGE_FAIL N_("Authentication is required to end programs that use the file system $(fs.name)")
#define MESSAGE_FREEZE N_("Authentication is required to freeze programs that use the file system $(fs.name)")
#define MESSAGE_SHUTDOWN N_("Authentication is required to shut down the file system $(fs.name)")
#define MESSAGE_INHIBIT N_("Authentication is required to delay that programs are ended")
#define MESSAGE_UNHOLD N_("Authentication is required to let $(unit) be started again")
#define MESSAGE_CLEAR \
        N_("Authentication is required to acknowledge the condition $(condition) of the file system $(fs.name)")
#define MESSAGE_AUTOFSCK \
        N_("Authentication is required to decide what may be done by itself to the file system $(fs.name)")
#define MESSAGE_CANCEL N_("Authentication is required to cancel a job on the file system $(fs.name)")

static const BusGuard guards[] = {
        { MANAGER,    "GetFilesystem", BUS_VARIANT_PLAIN,     NULL,                           NULL,            false },
        { MANAGER,    "ReloadPolicy",  BUS_VARIANT_PLAIN,     POLKIT_ACTION_MANAGE_POLICY,    MESSAGE_RELOAD,  false },
        { MANAGER,    "Resume",        BUS_VARIANT_PLAIN,     POLKIT_ACTION_MANAGE_POLICY,    MESSAGE_RESUME,  false },
        { MANAGER,    "Pause",         BUS_VARIANT_PLAIN,     POLKIT_ACTION_MANAGE_POLICY,    MESSAGE_PAUSE,   false },
        { FILESYSTEM, "Pause",         BUS_VARIANT_PLAIN,     POLKIT_ACTION_MANAGE_POLICY, MESSAGE_PAUSE_ONE,  false },
        { FILESYSTEM, "Resume",        BUS_VARIANT_PLAIN,     POLKIT_ACTION_MANAGE_POLICY, MESSAGE_RESUME_ONE, false },
        { MANAGER,    "CheckPolicy",   BUS_VARIANT_PLAIN,     POLKIT_ACTION_MANAGE_POLICY,    MESSAGE_TRY,     false },
        { MANAGER,    "Explain",       BUS_VARIANT_PLAIN,     POLKIT_ACTION_READ_EVENTS,      MESSAGE_EXPLAIN, false },
        { MANAGER,    "ListEvents",    BUS_VARIANT_PLAIN,     POLKIT_ACTION_READ_EVENTS,      MESSAGE_READ,    false },
        { MANAGER,    "Subscribe",     BUS_VARIANT_PLAIN,     POLKIT_ACTION_READ_EVENTS,      MESSAGE_READ,    false },
        { MANAGER,    "Unsubscribe",   BUS_VARIANT_PLAIN,     NULL,                           NULL,            false },
        { MANAGER,    "GetEvent",      BUS_VARIANT_PLAIN,     POLKIT_ACTION_READ_EVENTS,      MESSAGE_READ,    false },
        { MANAGER,    "DumpEvents",    BUS_VARIANT_PLAIN,     POLKIT_ACTION_READ_EVENTS,      MESSAGE_READ,    false },
        { FILESYSTEM, "ListUsers",     BUS_VARIANT_PLAIN,     POLKIT_ACTION_READ_EVENTS,      MESSAGE_USERS,   false },
        { FILESYSTEM, "Repair",        BUS_VARIANT_CHANGES,   POLKIT_ACTION_REPAIR,           MESSAGE_REPAIR,  false },
        { FILESYSTEM, "Repair",        BUS_VARIANT_REMOVABLE, POLKIT_ACTION_REPAIR_REMOVABLE, MESSAGE_REPAIR,  false },
        { FILESYSTEM, "Repair",        BUS_VARIANT_OVERRIDE,  POLKIT_ACTION_REPAIR_HARMFUL,   MESSAGE_HARMFUL, true  },
        { FILESYSTEM, "Scrub",         BUS_VARIANT_CHECKS,    POLKIT_ACTION_SCRUB,            MESSAGE_CHECK,   false },
        { FILESYSTEM, "Scrub",         BUS_VARIANT_CHANGES,   POLKIT_ACTION_REPAIR,           MESSAGE_REPAIR,  false },
        { FILESYSTEM, "Scrub",         BUS_VARIANT_REMOVABLE, POLKIT_ACTION_REPAIR_REMOVABLE, MESSAGE_REPAIR,  false },
        { FILESYSTEM, "VerifyMedia",   BUS_VARIANT_CHECKS,    POLKIT_ACTION_VERIFY,           MESSAGE_VERIFY,  false },
        { MANAGER,    "Silence",       BUS_VARIANT_PLAIN,     POLKIT_ACTION_ACKNOWLEDGE,      MESSAGE_SILENCE, false },
        { MANAGER,    "Silence",       BUS_VARIANT_LONG,      POLKIT_ACTION_MANAGE_POLICY,    MESSAGE_SILENCE, false },
        { MANAGER,    "Unsilence",     BUS_VARIANT_PLAIN,     POLKIT_ACTION_ACKNOWLEDGE,    MESSAGE_UNSILENCE, false },
        { MANAGER,    "ListSilences",  BUS_VARIANT_PLAIN,     NULL,                           NULL,            false },
        { MANAGER,    "InjectTestEvent", BUS_VARIANT_PLAIN,   POLKIT_ACTION_INJECT_TEST_EVENT, MESSAGE_TEST,   true  },
        { MANAGER,    "Inhibit",       BUS_VARIANT_PLAIN,     POLKIT_ACTION_INHIBIT,          MESSAGE_INHIBIT, false },
        { MANAGER,    "ListHolds",     BUS_VARIANT_PLAIN,     NULL,                           NULL,            false },
        { MANAGER,    "Unhold",        BUS_VARIANT_PLAIN,     POLKIT_ACTION_UNHOLD,           MESSAGE_UNHOLD,  false },
        { FILESYSTEM, "FailWorkloads", BUS_VARIANT_CHECKS,    POLKIT_ACTION_READ_EVENTS,      MESSAGE_PLAN,    false },
        { FILESYSTEM, "FailWorkloads", BUS_VARIANT_WORKLOADS, POLKIT_ACTION_FAIL_WORKLOAD,    MESSAGE_FAIL,    true  },
        { FILESYSTEM, "FreezeWorkloads", BUS_VARIANT_CHECKS,  POLKIT_ACTION_READ_EVENTS,      MESSAGE_PLAN,    false },
        { FILESYSTEM, "FreezeWorkloads", BUS_VARIANT_WORKLOADS, POLKIT_ACTION_FAIL_WORKLOAD,  MESSAGE_FREEZE,  true  },
        { FILESYSTEM, "Shutdown",      BUS_VARIANT_PLAIN,     POLKIT_ACTION_SHUTDOWN,         MESSAGE_SHUTDOWN, true },
        { FILESYSTEM, "Acknowledge",   BUS_VARIANT_PLAIN,     POLKIT_ACTION_ACKNOWLEDGE,      MESSAGE_CLEAR,   false },
        { FILESYSTEM, "GetAutofsck",   BUS_VARIANT_PLAIN,     NULL,                           NULL,            false },
        { FILESYSTEM, "SetAutofsck",   BUS_VARIANT_PLAIN,     POLKIT_ACTION_SET_AUTOFSCK,     MESSAGE_AUTOFSCK, true },
        { JOB,        "ListWorkloads", BUS_VARIANT_PLAIN,     POLKIT_ACTION_READ_EVENTS,      MESSAGE_USERS,   false },
        { JOB,        "Cancel",        BUS_VARIANT_WORKLOADS, POLKIT_ACTION_FAIL_WORKLOAD,    MESSAGE_CANCEL,  true  },
        { JOB,        "Cancel",        BUS_VARIANT_CHECKS,    POLKIT_ACTION_SCRUB,            MESSAGE_CANCEL,  false },
        { JOB,        "Cancel",        BUS_VARIANT_CHANGES,   POLKIT_ACTION_REPAIR,           MESSAGE_CANCEL,  false },
        { JOB,        "Cancel",        BUS_VARIANT_REMOVABLE, POLKIT_ACTION_REPAIR_REMOVABLE, MESSAGE_CANCEL,  false },
};

const BusGuard *bus_guard_find(const char *interface, const char *member, BusVariant variant) {
        for (size_t i = 0; i < ELEMENTSOF(guards); i++)
                if (text_equal(guards[i].interface, interface) && text_equal(guards[i].member, member) &&
                    guards[i].variant == variant)
                        return guards + i;

        return NULL;
}

bool bus_guard_knows(const char *interface, const char *member) {
        for (size_t i = 0; i < ELEMENTSOF(guards); i++)
                if (text_equal(guards[i].interface, interface) && text_equal(guards[i].member, member))
                        return true;

        return false;
}

const BusGuard *bus_guards(size_t *ret_n) {
        *ret_n = ELEMENTSOF(guards);
        return guards;
}
