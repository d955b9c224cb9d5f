/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths of control groups as they are found on machines with systemd, podman, docker, Kubernetes and LXC, and whose
 * they are; and who of them is spared.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/model/user-verdict.h"
#include "src/model/workload.h"

#define ID "4f5e6d7c8b9a00112233445566778899aabbccddeeff00112233445566778899"
#define POD "01234567-89ab-cdef-0123-456789abcdef"
#define POD_UNIT "01234567_89ab_cdef_0123_456789abcdef"

static void test_paths(_unused_ void **state) {
        static const struct {
                const char *path;
                const char *unit, *user_unit, *slice, *session;
                int64_t user;           /* -1: none */
                ContainerRuntime runtime;
                const char *container, *pod;
        } cases[] = {
                { "/", "", "", "", "", -1, RUNTIME_NONE, "", "" },
                { "/init.scope", "init.scope", "", "", "", -1, RUNTIME_NONE, "", "" },
                { "/system.slice/cron.service", "cron.service", "", "system.slice", "", -1, RUNTIME_NONE, "", "" },
                { "/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgresql@15-main.service", "",
                  "system-postgresql.slice", "", -1, RUNTIME_NONE, "", "" },
                { "/system.slice/systemd-udevd.service/udev", "systemd-udevd.service", "", "system.slice", "", -1,
                  RUNTIME_NONE, "", "" },
                { "/system.slice/_cgroup.service", "cgroup.service", "", "system.slice", "", -1, RUNTIME_NONE, "", "" },
                { "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "", "user-1000.slice", "3", 1000,
                  RUNTIME_NONE, "", "" },
                { "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-4242.scope",
                  "user@1000.service", "app-gnome-firefox-4242.scope", "user-1000.slice", "", 1000, RUNTIME_NONE, "",
                  "" },
                { "/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service", "init.scope",
                  "user-1000.slice", "", 1000, RUNTIME_NONE, "", "" },

                { "/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", "", "machine.slice", "", -1,
                  RUNTIME_PODMAN, ID, "" },
                { "/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", "", "machine.slice", "",
                  -1, RUNTIME_NONE, "", "" },
                { "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
                  "user@1000.service", "libpod-" ID ".scope", "user-1000.slice", "", 1000, RUNTIME_PODMAN, ID, "" },
                { "/libpod_parent/libpod-" ID, "", "", "", "", -1, RUNTIME_PODMAN, ID, "" },
                { "/system.slice/docker-" ID ".scope", "docker-" ID ".scope", "", "system.slice", "", -1,
                  RUNTIME_DOCKER, ID, "" },
                { "/docker/" ID, "", "", "", "", -1, RUNTIME_DOCKER, ID, "" },
                { "/docker/buildkit", "", "", "", "", -1, RUNTIME_NONE, "", "" },
                /* A cluster in a container is the container's own business. */
                { "/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" POD_UNIT
                  ".slice/cri-containerd-" ID ".scope", "", "", "", "", -1, RUNTIME_DOCKER, ID, "" },
                { "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_UNIT ".slice/cri-containerd-" ID
                  ".scope", "cri-containerd-" ID ".scope", "", "kubepods-burstable-pod" POD_UNIT ".slice", "", -1,
                  RUNTIME_CONTAINERD, ID, POD },
                { "/kubepods.slice/kubepods-pod" POD_UNIT ".slice/crio-" ID ".scope", "crio-" ID ".scope", "",
                  "kubepods-pod" POD_UNIT ".slice", "", -1, RUNTIME_CRIO, ID, POD },
                { "/kubepods.slice/kubepods-pod" POD_UNIT ".slice/crio-conmon-" ID ".scope", "crio-conmon-" ID ".scope",
                  "", "kubepods-pod" POD_UNIT ".slice", "", -1, RUNTIME_NONE, "", POD },
                { "/kubepods/besteffort/pod" POD "/" ID, "", "", "", "", -1, RUNTIME_OTHER, ID, POD },
                { "/kubepods/burstable/podaabbccddeeff00112233445566778899/" ID, "", "", "", "", -1, RUNTIME_OTHER, ID,
                  "aabbccddeeff00112233445566778899" },
                { "/system.slice/containerd.service/kubepods-burstable-pod" POD_UNIT ".slice:cri-containerd:" ID,
                  "containerd.service", "", "system.slice", "", -1, RUNTIME_NONE, "", "" },

                { "/lxc.payload.web", "", "", "", "", -1, RUNTIME_LXC, "web", "" },
                { "/lxc.payload.web/system.slice/nginx.service", "", "", "", "", -1, RUNTIME_LXC, "web", "" },
                { "/lxc.monitor.web", "", "", "", "", -1, RUNTIME_NONE, "", "" },
                { "/lxc/web/init.scope", "", "", "", "", -1, RUNTIME_LXC, "web", "" },
                { "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator", "machine-qemu\\x2d1\\x2dvm.scope",
                  "", "machine.slice", "", -1, RUNTIME_MACHINED, "qemu-1-vm", "" },
                { "/machine.slice/systemd-nspawn@debian.service/payload/system.slice/cron.service",
                  "systemd-nspawn@debian.service", "", "machine.slice", "", -1, RUNTIME_MACHINED, "debian", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Workload workload;

                print_message("%s\n", cases[i].path);
                assert_int_equal(workload_from_cgroup(cases[i].path, &workload), 0);
                assert_string_equal(workload.unit, cases[i].unit);
                assert_string_equal(workload.user_unit, cases[i].user_unit);
                assert_string_equal(workload.slice, cases[i].slice);
                assert_string_equal(workload.session, cases[i].session);
                assert_true(workload.user == (cases[i].user < 0 ? WORKLOAD_USER_NONE : (uint32_t) cases[i].user));
                assert_int_equal(workload.runtime, cases[i].runtime);
                assert_string_equal(workload.container, cases[i].container);
                assert_string_equal(workload.pod, cases[i].pod);
        }
}

static void test_groups(_unused_ void **state) {
        static const struct {
                const char *whole, *rest;
        } cases[] = {
                { "", "/" },
                { "", "/system.slice" },
                { "/system.slice/cron.service", "" },
                { "/system.slice/_cgroup.service", "/inner.service" },
                { "/system.slice/systemd-udevd.service", "/udev" },
                { "/machine.slice/libpod-" ID ".scope", "/container/inner.service" },
                { "/docker/" ID, "/system.slice/a.service" },
                { "/user.slice/user-1000.slice/user@1000.service", "/app.slice/app.scope" },
                { "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", "/container" },
                { "/kubepods/burstable/pod" POD "/" ID, "/inner" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char path[512];

                (void) snprintf(path, sizeof(path), "%s%s", cases[i].whole, cases[i].rest);
                assert_int_equal(workload_group_length(path), strlen(cases[i].whole));
        }
        assert_int_equal(workload_group_length("no path"), 0);
}

static void test_nonsense(_unused_ void **state) {
        char path[1024] = "/system.slice/";
        Workload workload;

        assert_int_equal(workload_from_cgroup("", &workload), -EINVAL);
        assert_int_equal(workload_from_cgroup("system.slice", &workload), -EINVAL);
        memset(path + strlen(path), 'a', 300);
        strcat(path, ".service");
        assert_int_equal(workload_from_cgroup(path, &workload), -ENAMETOOLONG);
        assert_string_equal(workload.slice, "");
        assert_true(workload.user == WORKLOAD_USER_NONE);
}

static void test_hierarchies(_unused_ void **state) {
        static const struct {
                const char *name, *text;
                int result;
                const char *path;
        } cases[] = {
                { "unified", "0::/system.slice/cron.service\n", 0, "/system.slice/cron.service" },
                { "hybrid", "5:pids:/x\n1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n", 0,
                  "/system.slice/b.service" },
                { "hybrid, unified not used", "5:pids:/docker/1\n1:name=systemd:/system.slice/a.service\n0::/\n", 0,
                  "/system.slice/a.service" },
                { "version 1 without systemd", "5:cpu,cpuacct:/docker/1\n1:name=systemd:/\n0::/\n", 0, "/docker/1" },
                { "root", "0::/\n", 0, "/" },
                { "a colon in the path", "0::/system.slice/a:b.service\n", 0, "/system.slice/a:b.service" },
                { "no end of line", "0::/x", 0, "/x" },
                { "empty", "", -EBADMSG, NULL },
                { "no path", "0::\n0\n::\n", -EBADMSG, NULL },
                { "too long", "0::/0123456789012345678901234567890123456789012345678901234567890123\n", -ENAMETOOLONG,
                  NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char path[64] = "";

                print_message("%s\n", cases[i].name);
                assert_int_equal(workload_pick_cgroup(cases[i].text, path, sizeof(path)), cases[i].result);
                if (cases[i].path)
                        assert_string_equal(path, cases[i].path);
        }
}

static const char *verdict(const char *cgroup, const UserFacts *facts) {
        UserFacts all = *facts;
        Workload workload;

        assert_int_equal(workload_from_cgroup(cgroup, &workload), 0);
        all.workload = &workload;
        return user_spared_because(&all);
}

/* What no policy can change: each row of the list once at least. */
static void test_spared_units(_unused_ void **state) {
        static const struct {
                const char *cgroup;
                bool is_taken;
        } cases[] = {
                { "/system.slice/postgresql@15-main.service", true },
                { "/system.slice/nginx.service", true },
                { "/system.slice/sshfs-mount.service", true },
                { "/system.slice/docker-" ID ".scope", true },
                { "/docker/" ID, true },
                { "/kubepods.slice/kubepods-pod" POD_UNIT ".slice/crio-" ID ".scope", true },
                { "/kubepods.slice/kubepods-pod" POD_UNIT ".slice/cri-containerd-" ID ".scope", true },
                { "/system.slice/nerdctl-" ID ".scope", true },
                { "/kubepods.slice/kubepods-pod" POD_UNIT ".slice/crio-conmon-" ID ".scope", false },
                { "/machine.slice/libpod-" ID ".scope/container", true },
                { "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", true },
                { "/kubepods/besteffort/pod" POD "/" ID, true },
                { "/machine.slice/systemd-nspawn@debian.service/payload", true },
                { "/lxc.payload.web", true },
                { "/", false },
                { "/init.scope", false },
                { "/system.slice/healerd.service", false },
                { "/system.slice/healer-worker.service", false },
                { "/system.slice/healer-recorder.service", false },
                { "/system.slice/systemd-journald.service", false },
                { "/system.slice/systemd-logind.service", false },
                { "/system.slice/systemd-udevd.service/udev", false },
                { "/system.slice/dbus.service", false },
                { "/system.slice/dbus-broker.service", false },
                { "/system.slice/polkit.service", false },
                { "/system.slice/ssh.service", false },
                { "/system.slice/sshd.service", false },
                { "/system.slice/system-sshd.slice/sshd@3.service", false },
                { "/system.slice/system-getty.slice/getty@tty1.service", false },
                { "/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service", false },
                { "/system.slice/gdm.service", false },
                { "/user.slice/user-1000.slice/session-3.scope", false },
                { "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x-1.scope", false },
                { "/system.slice/containerd.service", false },
                { "/system.slice/docker.service", false },
                { "/system.slice/crio.service", false },
                { "/system.slice/kubelet.service", false },
                { "/system.slice/virtqemud.service", false },
                { "/machine.slice/libpod-conmon-" ID ".scope", false },
                { "/system.slice/srv-data.mount", false },
                { "/system.slice/multipathd.service", false },
                { "/system.slice/iscsid.service", false },
                { "/system.slice/lvm2-lvmpolld.service", false },
                { "/system.slice/dm-event.service", false },
                { "/system.slice/mdmonitor.service", false },
                { "/system.slice/system-ceph\\x2dosd.slice/ceph-osd@1.service", false },
                { "/system.slice/nfs-mountd.service", false },
                { "/system.slice/xfs_scrub@srv.service", false },
                { "/system.slice/pacemaker.service", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const UserFacts facts = { .name = "program", .pid = 42, .uses = USE_OPEN };

                print_message("%s\n", cases[i].cgroup);
                assert_int_equal(verdict(cases[i].cgroup, &facts) == NULL, cases[i].is_taken);
        }
}

static void test_spared_processes(_unused_ void **state) {
#define ANY .pid = 42, .uses = USE_OPEN
        static const struct {
                const char *name, *cgroup;
                UserFacts facts;
                bool is_taken;
        } cases[] = {
                { "service", "/system.slice/a.service", { ANY, .name = "a" }, true },
                { "root file system", "/system.slice/a.service", { ANY, .name = "a", .is_root_filesystem = true },
                  false },
                { "our state", "/system.slice/a.service", { ANY, .name = "a", .is_state_filesystem = true }, false },
                { "first process", "/system.slice/a.service", { .name = "a", .pid = 1, .uses = USE_OPEN }, false },
                { "kernel thread", "/system.slice/a.service", { ANY, .name = "a", .is_kernel_thread = true }, false },
                { "ourselves", "/system.slice/a.service", { ANY, .name = "a", .is_ourselves = true }, false },
                { "storage daemon", "/system.slice/a.service", { ANY, .name = "a", .is_storage = true }, false },
                { "marked", "/system.slice/a.service", { ANY, .name = "a", .is_marked = true }, false },
                { "nothing seen of it", "/system.slice/a.service", { .name = "a", .pid = 42, .uses = USE_UNKNOWN },
                  false },
                { "some of it seen", "/system.slice/a.service",
                  { .name = "a", .pid = 42, .uses = USE_OPEN | USE_UNKNOWN }, true },
                { "loop device", "/system.slice/a.service", { .kind = USER_LOOP, .name = "loop0" }, false },
                { "conmon of root", "/system.slice/a.service", { ANY, .name = "conmon" }, false },
                { "called conmon", "/system.slice/a.service", { ANY, .name = "conmon", .uid = 1000 }, true },
                { "shim in a container", "/docker/" ID, { ANY, .name = "runc:[2:INIT]" }, false },
                { "pause of a pod", "/kubepods/besteffort/pod" POD "/" ID, { ANY, .name = "pause" }, false },
                { "systemd of a container", "/machine.slice/systemd-nspawn@a.service/payload",
                  { ANY, .name = "systemd" }, true },
                { "sshd of a container", "/docker/" ID, { ANY, .name = "sshd" }, true },
                { "sshd of a strange unit", "/system.slice/a.service", { ANY, .name = "sshd-session" }, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                assert_int_equal(verdict(cases[i].cgroup, &cases[i].facts) == NULL, cases[i].is_taken);
        }
        assert_non_null(user_spared_because(&(UserFacts) { ANY, .name = "group not known" }));
}

static void test_words(_unused_ void **state) {
        for (unsigned i = 0; i < N_CONTAINER_RUNTIMES; i++)
                assert_non_null(container_runtime_to_name((ContainerRuntime) i));
        for (unsigned i = 0; i < N_USER_KINDS; i++)
                assert_non_null(user_kind_to_name((UserKind) i));
        for (unsigned use = 1; use <= USER_USES_ALL; use <<= 1)
                assert_non_null(user_use_to_name(use));
        assert_null(user_use_to_name(USER_USES_ALL + 1));
        assert_null(user_use_to_name(0));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_groups),
                cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_hierarchies),
                cmocka_unit_test(test_spared_units),
                cmocka_unit_test(test_spared_processes),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
