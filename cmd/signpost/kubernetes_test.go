//go:build !race

package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// manifests are the objects of deploy/kubernetes.yaml.
type manifests struct {
	Namespace           corev1.Namespace
	ConfigMap           corev1.ConfigMap
	ServiceAccount      corev1.ServiceAccount
	Deployment          appsv1.Deployment
	Service             corev1.Service
	PodDisruptionBudget policyv1.PodDisruptionBudget
	NetworkPolicy       networkingv1.NetworkPolicy
}

// readManifests decodes deploy/kubernetes.yaml. Unknown members, unknown objects and missing ones are errors.
func readManifests(t *testing.T) (m manifests) {
	t.Helper()
	missing := map[string]any{
		"v1 Namespace": &m.Namespace, "v1 ConfigMap": &m.ConfigMap, "v1 ServiceAccount": &m.ServiceAccount,
		"apps/v1 Deployment": &m.Deployment, "v1 Service": &m.Service,
		"policy/v1 PodDisruptionBudget":      &m.PodDisruptionBudget,
		"networking.k8s.io/v1 NetworkPolicy": &m.NetworkPolicy,
	}
	for text := range strings.SplitSeq(deployed(t, "kubernetes.yaml"), "\n---\n") {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal([]byte(text), &head); err != nil {
			t.Fatal(err)
		}
		kind := head.APIVersion + " " + head.Kind
		if missing[kind] == nil {
			t.Fatalf("%s: got an object that is unknown or not the only one", kind)
		}
		if err := yaml.UnmarshalStrict([]byte(text), missing[kind]); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		delete(missing, kind)
	}
	if len(missing) > 0 {
		t.Fatalf("kubernetes.yaml: got no %v", missing)
	}
	return m
}

// TestKubernetesSecurity checks the pod with the code of the API server that enforces the namespace's level.
func TestKubernetesSecurity(t *testing.T) {
	t.Parallel()
	m := readManifests(t)
	level := podsecurity.LevelVersion{
		Level:   podsecurity.Level(m.Namespace.Labels[podsecurity.EnforceLevelLabel]),
		Version: podsecurity.LatestVersion(),
	}
	if level.Level != podsecurity.LevelRestricted {
		t.Errorf("level of the namespace: got %q, want restricted", level.Level)
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pod := &m.Deployment.Spec.Template
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	if !result.Allowed {
		t.Errorf("pod: %s", result.ForbiddenDetail())
	}
	isTrue := func(b *bool) bool { return b != nil && *b }
	isFalse := func(b *bool) bool { return b != nil && !*b }
	for what, isSet := range map[string]bool{
		"readOnlyRootFilesystem: true":        isTrue(pod.Spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem),
		"automountServiceAccountToken: false": isFalse(pod.Spec.AutomountServiceAccountToken),
		"enableServiceLinks: false":           isFalse(pod.Spec.EnableServiceLinks),
	} {
		if !isSet {
			t.Errorf("pod: got no %s", what)
		}
	}
	user := fmt.Sprintf("%d:%d", *pod.Spec.SecurityContext.RunAsUser, *pod.Spec.SecurityContext.RunAsGroup)
	if image := regexp.MustCompile(`(?m)^USER (.*)$`).FindStringSubmatch(deployed(t, "Dockerfile")); image[1] != user {
		t.Errorf("user: got %s, want that of the image, %s", user, image[1])
	}
}

// TestKubernetesReferences checks that the objects name each other.
func TestKubernetesReferences(t *testing.T) {
	t.Parallel()
	m := readManifests(t)
	pod, namespace := m.Deployment.Spec.Template, m.Namespace.Name
	for kind, got := range map[string]string{
		"ConfigMap": m.ConfigMap.Namespace, "ServiceAccount": m.ServiceAccount.Namespace,
		"Deployment": m.Deployment.Namespace, "Service": m.Service.Namespace,
		"PodDisruptionBudget": m.PodDisruptionBudget.Namespace, "NetworkPolicy": m.NetworkPolicy.Namespace,
	} {
		if got != namespace {
			t.Errorf("%s: got namespace %q, want %q", kind, got, namespace)
		}
	}
	selectors := map[string]map[string]string{
		"Deployment": m.Deployment.Spec.Selector.MatchLabels, "Service": m.Service.Spec.Selector,
		"PodDisruptionBudget": m.PodDisruptionBudget.Spec.Selector.MatchLabels,
		"NetworkPolicy":       m.NetworkPolicy.Spec.PodSelector.MatchLabels,
	}
	for _, spread := range pod.Spec.TopologySpreadConstraints {
		selectors[spread.TopologyKey] = spread.LabelSelector.MatchLabels
	}
	for name, labels := range selectors {
		if len(labels) == 0 || !reflect.DeepEqual(labels, pod.Labels) {
			t.Errorf("%s: got selector %v, want the labels of the pod, %v", name, labels, pod.Labels)
		}
	}
	container := pod.Spec.Containers[0]
	if got := container.EnvFrom[0].ConfigMapRef.Name; got != m.ConfigMap.Name {
		t.Errorf("settings: got ConfigMap %s, want %s", got, m.ConfigMap.Name)
	}
	if pod.Spec.ServiceAccountName != m.ServiceAccount.Name {
		t.Errorf("pod: got account %s, want %s", pod.Spec.ServiceAccountName, m.ServiceAccount.Name)
	}
	keys := pod.Spec.Volumes[0].Secret.SecretName
	if mount := container.VolumeMounts[0]; filepath.Join(mount.MountPath, "keys") !=
		m.ConfigMap.Data["SIGNPOST_API_KEYS_FILE"] || mount.Name != pod.Spec.Volumes[0].Name {
		t.Errorf("got the API keys mounted at %s, want them at SIGNPOST_API_KEYS_FILE", mount.MountPath)
	}
	operations, err := os.ReadFile("OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	aws := container.EnvFrom[1].SecretRef.Name
	for _, secret := range []string{keys + " --from-file=keys", aws + " --from-env-file="} {
		command := "kubectl -n " + namespace + " create secret generic " + secret
		if !strings.Contains(string(operations), command) {
			t.Errorf("OPERATIONS.md: got no command %s", command)
		}
	}
	if *m.Deployment.Spec.Replicas != 2 || m.PodDisruptionBudget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("got %d replicas and a budget of %v, want 2 and 1 unavailable", *m.Deployment.Spec.Replicas,
			m.PodDisruptionBudget.Spec.MaxUnavailable)
	}
}

// TestKubernetesPorts checks that the container listens on its ports, and that each port that an object names is one.
func TestKubernetesPorts(t *testing.T) {
	t.Parallel()
	m := readManifests(t)
	container := m.Deployment.Spec.Template.Spec.Containers[0]
	listens := map[string]string{
		"api":     regexp.MustCompile(`SIGNPOST_LISTEN=(\S+)`).FindStringSubmatch(deployed(t, "Dockerfile"))[1],
		"metrics": m.ConfigMap.Data["SIGNPOST_METRICS_LISTEN"],
	}
	for _, port := range container.Ports {
		if got := fmt.Sprintf(":%d", port.ContainerPort); got != listens[port.Name] {
			t.Errorf("port %s: got %s, want %s, where the container listens", port.Name, got, listens[port.Name])
		}
	}
	named := []intstr.IntOrString{m.Service.Spec.Ports[0].TargetPort, container.StartupProbe.HTTPGet.Port,
		container.ReadinessProbe.HTTPGet.Port, container.LivenessProbe.HTTPGet.Port}
	for _, rule := range m.NetworkPolicy.Spec.Ingress {
		named = append(named, *rule.Ports[0].Port)
	}
	for _, port := range named {
		if listens[port.StrVal] == "" {
			t.Errorf("got port %s, want one of the container", port.String())
		}
	}
}

// TestKubernetesServer starts a server with the settings of the ConfigMap, sends the probes, and stops it.
func TestKubernetesServer(t *testing.T) {
	t.Parallel()
	m := readManifests(t)
	pod := m.Deployment.Spec.Template.Spec
	keys := filepath.Join(t.TempDir(), "keys")
	signpost(t, "keygen", "alice", "--append", keys)
	metrics, store := freeAddress(t), startLocal(t, t.TempDir())
	own := map[string]string{
		"SIGNPOST_BUCKET": "signpost", "AWS_REGION": "us-east-1", "SIGNPOST_API_KEYS_FILE": keys,
		"SIGNPOST_METRICS_LISTEN": metrics, "SIGNPOST_STOP_DELAY": "0s",
	}
	settings := []string{"AWS_SHARED_CREDENTIALS_FILE=" + store.credentialsFile(), "SIGNPOST_PATH_STYLE=true",
		"AWS_ENDPOINT_URL_S3=" + store.store(t)}
	for name, value := range m.ConfigMap.Data {
		settings = append(settings, name+"="+cmp.Or(own[name], value))
	}
	p := start(t, settings...)
	if strings.Contains(p.stderr.String(), "unknown setting") {
		t.Errorf("got %s, want no unknown setting", p.stderr)
	}
	container := pod.Containers[0]
	for name, probe := range map[string]*corev1.Probe{
		"startup": container.StartupProbe, "readiness": container.ReadinessProbe, "liveness": container.LivenessProbe,
	} {
		response, err := web.Get("http://" + metrics + probe.HTTPGet.Path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			t.Errorf("%s probe, %s: got %d, want 200", name, probe.HTTPGet.Path, response.StatusCode)
		}
	}
	delay, err := time.ParseDuration(m.ConfigMap.Data["SIGNPOST_STOP_DELAY"])
	if err != nil {
		t.Fatal(err)
	}
	grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
	if stop := delay + p.stopTime(t); grace < stop {
		t.Errorf("terminationGracePeriodSeconds: got %s, want at least %s", grace, stop)
	}
}
