/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every name the system bus knows us by.
 */
#pragma once

#define BUS_NAME                        "org.xfs.Healer"
#define BUS_PATH                        "/org/xfs/Healer"
#define BUS_FILESYSTEM_PREFIX           "/org/xfs/Healer/fs"
#define BUS_JOB_PREFIX                  "/org/xfs/Healer/job"

/* Stands for "no object" where the bus wants a path. */
#define BUS_NO_OBJECT                   "/"

#define BUS_INTERFACE_MANAGER           "org.xfs.Healer.Manager1"
#define BUS_INTERFACE_FILESYSTEM        "org.xfs.Healer.Filesystem1"
#define BUS_INTERFACE_JOB               "org.xfs.Healer.Job1"

#define BUS_ERROR_FAILED                "org.xfs.Healer.Error.Failed"
#define BUS_ERROR_NO_SUCH_FILESYSTEM    "org.xfs.Healer.Error.NoSuchFilesystem"
#define BUS_ERROR_NO_SUCH_JOB           "org.xfs.Healer.Error.NoSuchJob"
#define BUS_ERROR_NO_SUCH_EVENT         "org.xfs.Healer.Error.NoSuchEvent"
#define BUS_ERROR_NO_SUCH_CONDITION     "org.xfs.Healer.Error.NoSuchCondition"
#define BUS_ERROR_NO_SUCH_SILENCE       "org.xfs.Healer.Error.NoSuchSilence"
#define BUS_ERROR_NOT_SUPPORTED         "org.xfs.Healer.Error.NotSupported"
#define BUS_ERROR_READ_ONLY             "org.xfs.Healer.Error.ReadOnly"
#define BUS_ERROR_SHUT_DOWN             "org.xfs.Healer.Error.Shutdown"
#define BUS_ERROR_BUSY                  "org.xfs.Healer.Error.Busy"
#define BUS_ERROR_REFUSED               "org.xfs.Healer.Error.Refused"
#define BUS_ERROR_POLICY_INVALID        "org.xfs.Healer.Error.PolicyInvalid"
#define BUS_ERROR_NO_POLKIT             "org.xfs.Healer.Error.NoPolkit"
#define BUS_ERROR_AUTHORIZATION_DISMISSED "org.xfs.Healer.Error.AuthorizationDismissed"
#define BUS_ERROR_AUTHORIZATION_TIMED_OUT "org.xfs.Healer.Error.AuthorizationTimedOut"
#define BUS_ERROR_NO_WORKER             "org.xfs.Healer.Error.NoWorker"
#define BUS_ERROR_NO_HISTORY            "org.xfs.Healer.Error.NoHistory"

#define POLKIT_ACTION_REPAIR            "org.xfs.healer.repair"
#define POLKIT_ACTION_REPAIR_REMOVABLE  "org.xfs.healer.repair-removable"
/* Overrules a row of the table of repairs that crash a kernel. */
#define POLKIT_ACTION_REPAIR_HARMFUL    "org.xfs.healer.repair-harmful"
#define POLKIT_ACTION_SCRUB             "org.xfs.healer.scrub"
#define POLKIT_ACTION_VERIFY            "org.xfs.healer.verify-media"
/* Of programs: failed or frozen. Of file systems: shut down. */
#define POLKIT_ACTION_FAIL_WORKLOAD     "org.xfs.healer.fail-workload"
#define POLKIT_ACTION_SHUTDOWN          "org.xfs.healer.shutdown-filesystem"
#define POLKIT_ACTION_INHIBIT           "org.xfs.healer.inhibit-workload-failure"
#define POLKIT_ACTION_UNHOLD            "org.xfs.healer.unhold"
#define POLKIT_ACTION_ACKNOWLEDGE       "org.xfs.healer.acknowledge"
#define POLKIT_ACTION_INJECT_TEST_EVENT "org.xfs.healer.inject-test-event"
#define POLKIT_ACTION_SET_AUTOFSCK      "org.xfs.healer.set-autofsck"
#define POLKIT_ACTION_MANAGE_POLICY     "org.xfs.healer.manage-policy"
#define POLKIT_ACTION_READ_EVENTS       "org.xfs.healer.read-events"

