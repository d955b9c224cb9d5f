/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is failed, out of those who use a file system: by scope, never in part, and never anybody who has to be spared.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/sealed-memory.h"
#include "src/model/workload-plan.h"
#include "src/protocol/workload-list.h"

#define ID "4f5e6d7c8b9a00112233445566778899aabbccddeeff00112233445566778899"
#define POD "01234567-89ab-cdef-0123-456789abcdef"
#define POD_GROUP "/kubepods.slice/kubepods-pod01234567_89ab_cdef_0123_456789abcdef.slice/cri-containerd-" ID ".scope"
#define VOLUME "/var/lib/kubelet/pods/" POD "/volumes/kubernetes.io~csi/pv-1/mount"

typedef struct Process {
        const char *cgroup;
        const char *name;
        uint32_t uid;
        unsigned uses;
} Process;

/* As the worker does it. */
static void add(WorkloadPlan *plan, const Process *process, bool is_root, bool is_state) {
        Workload workload;
        bool is_known = workload_from_cgroup(process->cgroup, &workload) >= 0;
        const UserFacts facts = {
                .kind = USER_PROCESS,
                .name = process->name,
                .pid = 100,
                .uid = process->uid,
                .uses = process->uses,
                .is_root_filesystem = is_root,
                .is_state_filesystem = is_state,
                .workload = is_known ? &workload : NULL,
        };

        assert_int_equal(workload_plan_add(plan, &(PlanUser) {
                .kind = USER_PROCESS,
                .name = process->name,
                .uses = process->uses,
                .workload = facts.workload,
                .spared_because = user_spared_because(&facts),
                .is_session = user_is_spared_as_session(&facts),
        }), 0);
}

static void add_all(WorkloadPlan *plan, const Process *processes) {
        for (size_t i = 0; processes[i].cgroup; i++)
                add(plan, processes + i, false, false);
}

static void assert_taken(const WorkloadPlan *plan, const char *unit, const char *container, bool is_taken) {
        const PlannedWorkload *planned = workload_plan_find(plan, unit, container);

        assert_non_null(planned);
        if (planned->is_taken != is_taken)
                fail_msg("%s %s: %s, %s", unit, container, planned->why, plan->refused);
        assert_int_equal(planned->why[0] == 0, is_taken);
}

static const Process usual[] = {
        { "/system.slice/db.service", "postgres", 100, USE_OPEN },
        { "/system.slice/db.service", "postgres", 100, USE_UNKNOWN },
        { "/system.slice/web.service", "nginx", 0, USE_MAPPED },
        { "/system.slice/ssh.service", "sshd", 0, USE_OPEN },
        { "/system.slice/dbus.service", "dbus-daemon", 101, USE_OPEN },
        { "/user.slice/user-1000.slice/session-3.scope", "bash", 1000, USE_WORKING },
        { "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.service", "x", 1000, USE_OPEN },
        { POD_GROUP, "worker", 0, USE_OPEN },
        { "/", "loose", 0, USE_OPEN },
        {},
};

static void test_whole_units(_unused_ void **state) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        const WorkloadScope scope = workload_scope_default(HOW_STOP);

        add_all(&plan, usual);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_string_equal(plan.refused, "");
        assert_int_equal(plan.n_taken, 3);
        assert_taken(&plan, "db.service", "", true);
        assert_int_equal(workload_plan_find(&plan, "db.service", "")->n_processes, 2);
        assert_taken(&plan, "web.service", "", true);
        assert_taken(&plan, "cri-containerd-" ID ".scope", ID, true);
        assert_taken(&plan, "ssh.service", "", false);
        assert_taken(&plan, "dbus.service", "", false);
        assert_taken(&plan, "session-3.scope", "", false);
        assert_taken(&plan, "user@1000.service", "", false);
}

static void test_one_spared_process_spares_its_unit(_unused_ void **state) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        const WorkloadScope scope = workload_scope_default(HOW_STOP);
        static const Process processes[] = {
                { "/system.slice/odd.service", "worker", 0, USE_OPEN },
                { "/system.slice/odd.service", "multipathd", 0, USE_OPEN },
                {},
        };

        add_all(&plan, processes);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_taken(&plan, "odd.service", "", false);
        assert_string_equal(plan.refused, "there is nobody to take");
}

static void test_only(_unused_ void **state) {
        static const struct {
                WorkloadKey key;
                const char *pattern;
                const char *taken;      /* unit; NULL: nobody */
        } cases[] = {
                { WORKLOAD_KEY_UNIT, "db.service", "db.service" },
                { WORKLOAD_KEY_UNIT, "d*.service", "db.service" },
                { WORKLOAD_KEY_UNIT, "other.service", NULL },
                { WORKLOAD_KEY_UNIT, "ssh.service", NULL },
                { WORKLOAD_KEY_UNIT, "session-*.scope", "session-3.scope" },
                { WORKLOAD_KEY_UNIT, "*-3.scope", NULL },
                { WORKLOAD_KEY_UNIT, "user@1000.service", "user@1000.service" },
                { WORKLOAD_KEY_POD, "any", "cri-containerd-" ID ".scope" },
                { WORKLOAD_KEY_CONTAINER, "4f*", "cri-containerd-" ID ".scope" },
                { WORKLOAD_KEY_POD, "99*", NULL },
                { WORKLOAD_KEY_SLICE, "user.slice", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
                WorkloadScope scope = workload_scope_default(HOW_STOP);

                assert_int_equal(workload_scope_add_only(&scope, cases[i].key, cases[i].pattern), 0);
                add_all(&plan, usual);
                assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
                if (plan.n_taken != (cases[i].taken != NULL))
                        fail_msg("%s: %zu taken, %s", cases[i].pattern, plan.n_taken, plan.refused);
                assert_int_equal(plan.refused[0] == 0, cases[i].taken != NULL);
                for (size_t j = 0; cases[i].taken && j < plan.n_workloads; j++)
                        if (plan.workloads[j].is_taken)
                                assert_string_equal(plan.workloads[j].workload.unit, cases[i].taken);
        }
}

static void test_all_or_none(_unused_ void **state) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        WorkloadScope scope = workload_scope_default(HOW_FAIL);

        scope.max = 2;
        add_all(&plan, usual);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_int_equal(plan.n_taken, 0);
        assert_string_equal(plan.refused, "3 would be taken, more than 2 without \"confirm: large\"");
        assert_taken(&plan, "db.service", "", false);
        workload_plan_clear(&plan);

        scope.is_large_confirmed = 1;
        add_all(&plan, usual);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_int_equal(plan.n_taken, 3);
        workload_plan_clear(&plan);

        for (unsigned i = 0; i <= WORKLOADS_MAX_LIMIT; i++) {
                char group[64];

                (void) snprintf(group, sizeof(group), "/system.slice/unit%u.service", i);
                add(&plan, &(Process) { group, "x", 0, USE_OPEN }, false, false);
        }
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_int_equal(plan.n_taken, 0);
        assert_string_equal(plan.refused, "65 would be taken, more than the 64 that ever are");
}

static void test_too_many_to_look_at(_unused_ void **state) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        WorkloadScope scope = workload_scope_default(HOW_FAIL);

        scope.is_large_confirmed = 1;
        for (unsigned i = 0; i <= WORKLOAD_PLAN_MAX; i++) {
                char group[64];

                (void) snprintf(group, sizeof(group), "/system.slice/unit%u.service", i);
                add(&plan, &(Process) { group, "x", 0, USE_OPEN }, false, false);
        }
        assert_int_equal(plan.n_omitted, 1);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_int_equal(plan.n_taken, 0);
}

static void test_unused(_unused_ void **state) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        WorkloadScope scope = workload_scope_default(HOW_STOP);

        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, "db.service"), 0);
        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, "app*.service"), 0);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_string_equal(plan.refused, "there is nobody to take");

        scope.even_if_unused = 1;
        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, "dbus.service"), 0);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_int_equal(plan.n_taken, 1);
        assert_taken(&plan, "db.service", "", true);
        assert_taken(&plan, "dbus.service", "", false);
}

static void test_volume(_unused_ void **state) {
        static const char *const mounts[] = { "/srv", VOLUME };
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        WorkloadScope scope = workload_scope_default(HOW_STOP);
        char pod[WORKLOAD_POD_SIZE];

        scope.who = WHO_VOLUME_USERS;
        add_all(&plan, usual);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope, .mounts = mounts,
                                                                     .n_mounts = 2 }), 0);
        assert_int_equal(plan.n_taken, 1);
        assert_taken(&plan, "cri-containerd-" ID ".scope", ID, true);
        workload_plan_clear(&plan);

        add_all(&plan, usual);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope, .mounts = mounts,
                                                                     .n_mounts = 1 }), 0);
        assert_string_equal(plan.refused, "it is not mounted in the volumes folder of a pod");

        assert_true(workload_pod_of_volume(VOLUME, pod));
        assert_string_equal(pod, POD);
        assert_true(workload_pod_of_volume("/data/kubelet/pods/" POD "/volume-subpaths/pv/c/0", pod));
        assert_false(workload_pod_of_volume("/var/lib/kubelet/pods/" POD "/etc-hosts", pod));
        assert_false(workload_pod_of_volume("/pods/../volumes/x", pod));
        assert_false(workload_pod_of_volume("/", pod));
}

static void test_root_and_state(_unused_ void **state) {
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
                WorkloadScope scope = workload_scope_default(HOW_STOP);

                /* Also if only one side knows it. */
                scope.even_if_unused = 1;
                assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, "db.service"), 0);
                add_all(&plan, usual);
                assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope, .is_root = i == 0,
                                                                             .is_state = i == 1 }), 0);
                assert_int_equal(plan.n_taken, 0);
                assert_true(plan.refused[0]);
        }
}

static void test_announced(_unused_ void **state) {
        _cleanup_(workload_plan_clear) WorkloadPlan announced = {}, heard = {}, plan = {};
        WorkloadScope scope = workload_scope_default(HOW_STOP);
        _cleanup_(close_fd_at) int fd = -EBADF;
        static const Process late = { "/system.slice/late.service", "late", 0, USE_OPEN };

        add_all(&announced, usual);
        assert_int_equal(workload_plan_decide(&announced, &(PlanGround) { .scope = &scope }), 0);
        assert_int_equal(workload_list_make(&announced, &fd), 0);
        assert_int_equal(workload_list_read(fd, &heard), 0);
        assert_int_equal(heard.n_taken, 3);

        add_all(&plan, usual);
        add(&plan, &late, false, false);
        scope.max = 4;
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope, .announced = &heard }), 0);
        assert_int_equal(plan.n_taken, 3);
        assert_taken(&plan, "late.service", "", false);
}

static void test_bad_lists(_unused_ void **state) {
        static const struct {
                const char *bytes;
                size_t n;
        } cases[] = {
                { "db.service", 10 },           /* without an end */
                { "db.service", 11 },           /* without a container */
                { "\0\0", 2 },                  /* nobody */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
                _cleanup_(close_fd_at) int fd = sealed_memory_new("test");

                assert_true(fd >= 0);
                assert_int_equal(write(fd, cases[i].bytes, cases[i].n), cases[i].n);
                assert_int_equal(sealed_memory_seal(fd), 0);
                assert_int_equal(workload_list_read(fd, &plan), -EBADMSG);
        }
}

static void test_scope(_unused_ void **state) {
        WorkloadScope scope = workload_scope_default(HOW_STOP);
        char longest[WORKLOAD_ONLY_SIZE] = "";

        assert_true(workload_scope_is_valid(&scope));
        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, ""), -EINVAL);
        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, "a\nb"), -EINVAL);
        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, "a/b"), -EINVAL);
        memset(longest, 'x', sizeof(longest) - 1);
        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, longest), 0);
        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, "y"), -ENOBUFS);
        assert_true(workload_scope_is_valid(&scope));

        scope.max = 0;
        assert_false(workload_scope_is_valid(&scope));
        scope = workload_scope_default(HOW_FREEZE);
        assert_false(workload_scope_is_valid(&scope));
        scope.thaw_usec = USEC_PER_MINUTE;
        assert_true(workload_scope_is_valid(&scope));
        scope.how = N_WORKLOAD_HOWS;
        assert_false(workload_scope_is_valid(&scope));
        scope = workload_scope_default(HOW_STOP);
        memset(scope.only[WORKLOAD_KEY_POD], 'x', WORKLOAD_ONLY_SIZE);
        assert_false(workload_scope_is_valid(&scope));

        scope = workload_scope_default(HOW_STOP);
        for (unsigned i = 0; i < 9; i++) {
                WorkloadScope other = scope;

                other.who = i == 0 ? WHO_FILE_USERS : other.who;
                other.even_if_unused = i == 1;
                if (i == 2)
                        assert_int_equal(workload_scope_add_only(&other, WORKLOAD_KEY_POD, WORKLOAD_ANY), 0);
                other.how = i == 3 ? HOW_FAIL : other.how;
                other.is_large_confirmed = i == 4;
                other.max += i == 5;
                other.warn_usec += i == 6;
                other.term_usec += i == 7;
                other.hold_usec += i == 8;
                assert_int_equal(workload_scope_same_users(&scope, &other), i > 2);
        }

        assert_true(workload_pattern_is_exact("db@main.service"));
        assert_false(workload_pattern_is_exact("db@*.service"));
        assert_false(workload_pattern_is_exact(WORKLOAD_ANY));
}

static const Process refused[] = {
        { "/init.scope", "systemd", 0, USE_OPEN },
        { "/system.slice/healerd.service", "healerd", 200, USE_OPEN },
        { "/system.slice/healer-worker.service", "healer-worker", 0, USE_OPEN },
        { "/system.slice/dbus.service", "dbus-daemon", 101, USE_OPEN },
        { "/system.slice/dbus-broker.service", "dbus-broker", 101, USE_OPEN },
        { "/system.slice/systemd-journald.service", "systemd-journal", 0, USE_OPEN },
        { "/system.slice/systemd-logind.service", "systemd-logind", 0, USE_OPEN },
        { "/system.slice/systemd-udevd.service/udev", "udevd", 0, USE_OPEN },
        { "/system.slice/polkit.service", "polkitd", 102, USE_OPEN },
        { "/system.slice/ssh.service", "sshd", 0, USE_OPEN },
        { "/system.slice/system-getty.slice/getty@tty1.service", "agetty", 0, USE_OPEN },
        { "/system.slice/containerd.service", "containerd", 0, USE_OPEN },
        { "/system.slice/docker.service", "dockerd", 0, USE_OPEN },
        { "/system.slice/crio.service", "crio", 0, USE_OPEN },
        { "/system.slice/kubelet.service", "kubelet", 0, USE_OPEN },
        { "/system.slice/multipathd.service", "multipathd", 0, USE_OPEN },
        { "/system.slice/iscsid.service", "iscsid", 0, USE_OPEN },
        { "/system.slice/ceph-osd@1.service", "ceph-osd", 0, USE_OPEN },
        { "/machine.slice/libpod-conmon-" ID ".scope", "conmon", 0, USE_OPEN },
        { "/system.slice/other.service", "multipathd", 0, USE_OPEN },
        { "/", "loose", 0, USE_OPEN },
};
static const Process free_ones[] = {
        { "/system.slice/db.service", "postgres", 100, USE_OPEN },
        { "/system.slice/web.service", "nginx", 0, USE_MAPPED },
        { POD_GROUP, "worker", 0, USE_OPEN },
        { "/machine.slice/libpod-" ID ".scope", "app", 0, USE_PROGRAM },
};
static const char *const patterns[] = {
        "*", "any", "*.service", "dbus.service", "init.scope", "ssh.service", "other.service", "session-*", "user@*",
};

/* Whoever is in such a set, and whatever a rule says: none of these is ever taken. */
static void test_nobody_of_the_refuse_list(_unused_ void **state) {
        unsigned seed = 20260725, n_with_taken = 0;

        for (unsigned round = 0; round < 20000; round++) {
                _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
                WorkloadScope scope = workload_scope_default((WorkloadHow) (rand_r(&seed) % 2));
                unsigned n = 1 + (unsigned) rand_r(&seed) % 12;

                scope.max = 1 + (unsigned) rand_r(&seed) % WORKLOADS_MAX_LIMIT;
                scope.is_large_confirmed = rand_r(&seed) % 2;
                scope.even_if_unused = rand_r(&seed) % 2;
                for (unsigned i = (unsigned) rand_r(&seed) % 3; i > 0; i--)
                        (void) workload_scope_add_only(&scope, (WorkloadKey) (rand_r(&seed) % (2 * N_WORKLOAD_KEYS) %
                                                                              (N_WORKLOAD_KEYS + 1) % N_WORKLOAD_KEYS),
                                                       patterns[(unsigned) rand_r(&seed) % ELEMENTSOF(patterns)]);
                for (unsigned i = 0; i < n; i++)
                        if (rand_r(&seed) % 2)
                                add(&plan, refused + (unsigned) rand_r(&seed) % ELEMENTSOF(refused), false, false);
                        else
                                add(&plan, free_ones + (unsigned) rand_r(&seed) % ELEMENTSOF(free_ones), false, false);
                assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
                n_with_taken += plan.n_taken > 0;

                for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                        Workload workload;
                        const PlannedWorkload *planned;

                        assert_int_equal(workload_from_cgroup(refused[i].cgroup, &workload), 0);
                        planned = workload_plan_find(&plan, workload.unit, workload.container);
                        if (planned && planned->is_taken)
                                /* "other.service" may be taken if it has no such process, but it was only added with
                                 * one. */
                                assert_int_equal(planned->n_processes, 0);
                }
                for (size_t i = 0; i < plan.n_workloads; i++)
                        if (!plan.workloads[i].workload.unit[0] && !plan.workloads[i].workload.container[0])
                                assert_false(plan.workloads[i].is_taken);
        }
        /* It is no proof if nobody is ever taken. */
        assert_in_range(n_with_taken, 2000, 20000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole_units),
                cmocka_unit_test(test_one_spared_process_spares_its_unit),
                cmocka_unit_test(test_only),
                cmocka_unit_test(test_all_or_none),
                cmocka_unit_test(test_too_many_to_look_at),
                cmocka_unit_test(test_unused),
                cmocka_unit_test(test_volume),
                cmocka_unit_test(test_root_and_state),
                cmocka_unit_test(test_announced),
                cmocka_unit_test(test_bad_lists),
                cmocka_unit_test(test_scope),
                cmocka_unit_test(test_nobody_of_the_refuse_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
