package flow

import "math"

// Assign solves the linear assignment problem by shortest augmenting paths with dual variables (Jonker and
// Volgenant 1987; Crouse 2016): cost is n×n, row after row, and the result gives for each row its column, each
// column once, at the least total cost. Time is O(n³) at worst; n = 700 takes about half a second.
func Assign(cost []float32, n int) []int {
	const none = -1
	rowOf, colOf := make([]int, n), make([]int, n) // column → row, row → column
	u, v := make([]float64, n), make([]float64, n)
	for i := range n {
		rowOf[i], colOf[i] = none, none
	}
	// Start from the column minima: a feasible dual, and a first partial assignment along tight edges.
	for j := range n {
		v[j] = math.Inf(1)
	}
	for i := range n {
		for j, c := range cost[i*n : i*n+n] {
			v[j] = min(v[j], float64(c))
		}
	}
	for i := range n {
		row := cost[i*n : i*n+n]
		best, at := math.Inf(1), none
		for j, c := range row {
			if r := float64(c) - v[j]; r < best {
				best, at = r, j
			}
		}
		u[i] = best
		if rowOf[at] == none {
			rowOf[at], colOf[i] = i, at
		}
	}
	dist := make([]float64, n)
	from := make([]int, n) // row through which a column is reached
	todo := make([]int, n) // columns: [0,done) finished, [done,n) open
	for start := range n {
		if colOf[start] != none {
			continue
		}
		for j := range n {
			todo[j] = j
		}
		row := cost[start*n : start*n+n]
		for j := range n {
			dist[j] = float64(row[j]) - u[start] - v[j]
			from[j] = start
		}
		done, end, reach := 0, none, 0.0
		for end == none {
			// The open column that is nearest; a free one first where several are.
			pick, near := done, math.Inf(1)
			for k := done; k < n; k++ {
				j := todo[k]
				if dist[j] < near || (dist[j] == near && rowOf[j] == none && rowOf[todo[pick]] != none) {
					near, pick = dist[j], k
				}
			}
			j := todo[pick]
			todo[pick], todo[done] = todo[done], j
			done++
			reach = near
			i := rowOf[j]
			if i == none {
				end = j
				break
			}
			row = cost[i*n : i*n+n]
			base := near - u[i]
			for k := done; k < n; k++ {
				q := todo[k]
				if d := base + float64(row[q]) - v[q]; d < dist[q] {
					dist[q], from[q] = d, i
				}
			}
		}
		// Duals of what was finished, so that all reduced costs stay ≥ 0 and the path is tight.
		u[start] += reach
		for k := range done - 1 {
			j := todo[k]
			d := reach - dist[j]
			v[j] -= d
			u[rowOf[j]] += d
		}
		for j := end; ; {
			i := from[j]
			rowOf[j] = i
			j, colOf[i] = colOf[i], j
			if i == start {
				break
			}
		}
	}
	return colOf
}
