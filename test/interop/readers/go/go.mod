module signet/readers

go 1.24.0
