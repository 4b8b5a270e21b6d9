"""Pictures of moments: taken in, made anew without anything but pixels, kept, let go."""
