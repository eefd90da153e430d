// The 18-hop call flow with std::priority_queue as the calendar and std::deque as the task queues.
// Standard input: the table that benchmarks/flow.py writes. Standard output: one JSON object.
// It draws the same numbers as Python's random.Random(seed), so it simulates the very calls that the Python peers do.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <deque>
#include <iostream>
#include <queue>
#include <random>
#include <vector>

// How random.seed(int) fills the Mersenne Twister: init_genrand(19650218), then init_by_array({seed}).
struct PythonSeed {
    using result_type = std::uint32_t;
    std::uint32_t seed;
    template <class Iterator> void generate(Iterator first, Iterator last) const {
        const std::size_t n = last - first;
        std::vector<std::uint32_t> mt(n);
        mt[0] = 19650218u;
        for (std::size_t i = 1; i < n; ++i) mt[i] = 1812433253u * (mt[i - 1] ^ (mt[i - 1] >> 30)) + std::uint32_t(i);
        std::size_t i = 1;
        for (std::size_t k = n; k; --k) {
            mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1664525u)) + seed;
            if (++i >= n) { mt[0] = mt[n - 1]; i = 1; }
        }
        for (std::size_t k = n - 1; k; --k) {
            mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1566083941u)) - std::uint32_t(i);
            if (++i >= n) { mt[0] = mt[n - 1]; i = 1; }
        }
        mt[0] = 0x80000000u;
        std::copy(mt.begin(), mt.end(), first);
    }
};

struct Random {
    std::mt19937 bits;
    explicit Random(std::uint32_t seed) { PythonSeed s{seed}; bits.seed(s); }
    double exponential(double rate) {
        const std::uint32_t a = bits() >> 5, b = bits() >> 6;
        const double u = (a * 67108864.0 + b) * (1.0 / 9007199254740992.0);
        return -std::log(1.0 - u) / rate;
    }
};

enum Kind { ARRIVED, TICKED, SERVED, HELD };

struct Event {
    double time;
    std::uint64_t order;
    int kind, call;
    bool operator>(const Event& o) const { return time != o.time ? time > o.time : order > o.order; }
};

struct Hop { int task, constant; double mean; };

struct Flow {
    long calls; std::uint32_t seed; double rate, hold, tick; int answer, media, sample, tasks, hops;
    std::vector<Hop> hop;
};

struct Call { double arrived, hold; int hop; std::vector<double> service; };

class Simulation {
    const Flow& flow;
    Random random;
    std::priority_queue<Event, std::vector<Event>, std::greater<Event>> calendar;
    std::vector<std::deque<int>> queue;
    std::vector<char> busy;
    std::vector<Call> slots;  // reused: memory grows with the calls under way, not with the calls simulated
    std::vector<int> unused;
    std::uint64_t order = 0;
    long left;
    double now = 0;

    void after(double delay, Kind kind, int call) { calendar.push({now + delay, order++, kind, call}); }
    void arrive() {
        if (!left) return;
        --left;
        int id;
        if (unused.empty()) { id = int(slots.size()); slots.push_back({0, 0, 0, std::vector<double>(flow.hops)}); }
        else { id = unused.back(); unused.pop_back(); }
        Call& call = slots[id];
        const double gap = random.exponential(flow.rate);
        for (int i = 0; i < flow.hops; ++i)
            call.service[i] = flow.hop[i].constant ? flow.hop[i].mean : random.exponential(1.0 / flow.hop[i].mean);
        call.hold = random.exponential(1.0 / flow.hold);
        call.arrived = now + gap;
        call.hop = 0;
        after(gap, ARRIVED, id);
    }
    void enter(int id) {
        const int task = flow.hop[slots[id].hop].task;
        if (task == flow.media) after((std::floor(now / flow.tick) + 1) * flow.tick - now, TICKED, id);
        else join(task, id);
    }
    void join(int task, int id) {
        if (busy[task]) { queue[task].push_back(id); return; }
        busy[task] = 1;
        after(slots[id].service[slots[id].hop], SERVED, id);
    }
    void served(int id) {
        const int hop = slots[id].hop, task = flow.hop[hop].task;
        if (queue[task].empty()) busy[task] = 0;
        else {
            const int next = queue[task].front();
            queue[task].pop_front();
            after(slots[next].service[slots[next].hop], SERVED, next);
        }
        slots[id].hop = hop + 1;
        if (hop == flow.answer) { latency.push_back(now - slots[id].arrived); after(slots[id].hold, HELD, id); }
        else if (hop + 1 < flow.hops) enter(id);
        else unused.push_back(id);
    }

public:
    std::vector<double> latency;
    explicit Simulation(const Flow& f) : flow(f), random(f.seed), queue(f.tasks), busy(f.tasks), left(f.calls) {
        latency.reserve(f.calls);
    }
    void run() {
        arrive();
        while (!calendar.empty()) {
            const Event event = calendar.top();
            calendar.pop();
            now = event.time;
            switch (event.kind) {
            case ARRIVED: enter(event.call); arrive(); break;
            case TICKED: join(flow.media, event.call); break;
            case SERVED: served(event.call); break;
            case HELD: enter(event.call); break;
            }
        }
    }
};

static double quantile(std::vector<double> v, std::size_t sample, double p) {
    v.resize(std::min(v.size(), sample));
    auto at = v.begin() + std::min<std::size_t>(v.size() - 1, std::size_t(v.size() * p));
    std::nth_element(v.begin(), at, v.end());
    return *at;
}

int main() {
    Flow flow;
    std::cin >> flow.calls >> flow.seed >> flow.rate >> flow.hold >> flow.tick >> flow.answer >> flow.media;
    std::cin >> flow.sample >> flow.tasks >> flow.hops;
    flow.hop.resize(flow.hops);
    for (Hop& hop : flow.hop) std::cin >> hop.task >> hop.constant >> hop.mean;
    if (!std::cin) { std::fprintf(stderr, "callflow: the table on standard input is incomplete\n"); return 2; }
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    Simulation simulation(flow);
    simulation.run();
    const double cpu_s = double(std::clock() - cpu) / CLOCKS_PER_SEC;
    const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("{\"calls\": %zu, \"wall_s\": %.9f, \"cpu_s\": %.9f, \"p50_s\": %.17g, \"p95_s\": %.17g}\n", simulation.latency.size(), wall_s,
                cpu_s, quantile(simulation.latency, flow.sample, 0.50), quantile(simulation.latency, flow.sample, 0.95));
}
