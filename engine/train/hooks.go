package train

// hooks let the tests of this package make a run small and make things go wrong. The zero value does nothing.
type hooks struct {
	recipe  func(*Recipe) // changes the recipe
	batch   int           // images that flow together when pairs are made and rounds measured
	everyed bool          // the loss is read after every step
	// spoil is called before each gradient of so many images: it may poison its numbers or make it fail.
	spoil func(round string, step, images int) (poison bool, err error)
}
