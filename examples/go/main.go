// A client of Trivet that knows nothing of it but its contracts: it tracks a run and reads it back.
//
// The run as the server has it is printed as JSON. What the server refuses is printed with its reason, and the status
// is 1 then.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tracking "trivet.example/client/generated/trivet/tracking/v1"
)

// Point is one measurement. Its value is text, because JSON has no NaN.
type Point struct {
	Step  int64  `json:"step"`
	Value string `json:"value"`
}

// Read is what the server has of the run.
type Read struct {
	Name    string             `json:"name"`
	Status  string             `json:"status"`
	Params  map[string]string  `json:"params"`
	Tags    map[string]string  `json:"tags"`
	Metrics map[string][]Point `json:"metrics"`
}

func main() {
	address := flag.String("address", "127.0.0.1:7330", "where the tracking service is")
	workspace := flag.String("workspace", "default", "the workspace")
	experiment := flag.String("experiment", "taxi", "the experiment, which is created if it is not there")
	show := flag.String("show", "", "the id of a run: only read it")
	flag.Parse()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx, *address, "workspaces/"+*workspace, *experiment, *show); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, address, workspace, experiment, show string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	service := tracking.NewTrackingServiceClient(connection)

	name := workspace + "/runs/" + show
	if show == "" {
		if name, err = track(ctx, service, workspace, experiment); err != nil {
			return err
		}
	}
	read, err := readBack(ctx, service, name)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(read)
}

// track creates a run, logs to it and ends it; it returns the run's name.
func track(
	ctx context.Context, service tracking.TrackingServiceClient, workspace, experiment string,
) (string, error) {
	created, err := service.CreateRun(ctx, &tracking.CreateRunRequest{
		Parent:                workspace,
		Run:                   &tracking.Run{DisplayName: "from Go", Source: "main.go"},
		ExperimentDisplayName: experiment,
		CreateExperiment:      true,
	})
	if err != nil {
		return "", err
	}
	written, err := service.WriteRun(ctx, &tracking.WriteRunRequest{
		Run: created.GetName(),
		// The points of both keys one after the other; `Counts` says how many each has.
		Metrics: &tracking.MetricColumns{
			Keys:        []string{"loss", "accuracy"},
			Counts:      []uint32{3, 1},
			Steps:       []int64{0, 1, 2, 2},
			TimesMillis: []int64{time.Now().UnixMilli()},
			Values:      []float64{0.5, math.NaN(), 0.25, 0.75},
		},
		Params: []*tracking.Param{{Key: "learning_rate", Value: "0.1"}},
		Tags:   []*tracking.Tag{{Key: "language", Value: "Go"}},
		Atomic: true,
	})
	if err != nil {
		return "", err
	}
	if written.GetRefusedCount() > 0 {
		return "", fmt.Errorf("%d records were refused: %v", written.GetRefusedCount(), written.GetRefused())
	}
	_, err = service.UpdateRun(ctx, &tracking.UpdateRunRequest{
		Run:        &tracking.Run{Name: created.GetName(), Status: tracking.RunStatus_RUN_STATUS_FINISHED},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"status"}},
	})
	return created.GetName(), err
}

// readBack reads a run, and all points of its metrics.
func readBack(ctx context.Context, service tracking.TrackingServiceClient, name string) (*Read, error) {
	found, err := service.GetRun(ctx, &tracking.GetRunRequest{Name: name})
	if err != nil {
		return nil, err
	}
	read := &Read{
		Name:    found.GetName(),
		Status:  found.GetStatus().String(),
		Params:  found.GetParams(),
		Tags:    found.GetTags(),
		Metrics: map[string][]Point{},
	}
	for _, metric := range found.GetMetrics() {
		if read.Metrics[metric.GetKey()], err = history(ctx, service, name, metric.GetKey()); err != nil {
			return nil, err
		}
	}
	return read, nil
}

// history reads the points of a metric, which come in pieces.
func history(ctx context.Context, service tracking.TrackingServiceClient, name, key string) ([]Point, error) {
	stream, err := service.ReadMetricHistory(ctx, &tracking.ReadMetricHistoryRequest{Run: name, Key: key})
	if err != nil {
		return nil, err
	}
	var points []Point
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return points, nil
		}
		if err != nil {
			return nil, err
		}
		columns := piece.GetMetrics()
		for i, value := range columns.GetValues() {
			var step int64 // no steps means that all are 0
			if steps := columns.GetSteps(); len(steps) > 0 {
				step = steps[i]
			}
			points = append(points, Point{Step: step, Value: fmt.Sprint(value)})
		}
	}
}

// explain says what the server answered: its sentence, and the reason that programs may rely on.
func explain(err error) string {
	answer := status.Convert(err)
	for _, detail := range answer.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return fmt.Sprintf("%s: %s", info.GetReason(), answer.Message())
		}
	}
	return err.Error()
}
